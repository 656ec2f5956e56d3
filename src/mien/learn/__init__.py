"""Trains models: the only room that imports torch, torchvision, timm and lightning."""
