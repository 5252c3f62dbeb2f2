"""Models of discrete codes: autoencoders to them, and priors over them."""
