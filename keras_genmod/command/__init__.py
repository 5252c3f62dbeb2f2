"""What the command `keras-genmod` does with models, images and files of figures."""
