"""What is made of images that lack something: size, colour."""
