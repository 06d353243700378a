"""What is publicly known about single test images of CIFAR-10, beside their labels."""
