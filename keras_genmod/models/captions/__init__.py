"""Models of images and captions together."""
