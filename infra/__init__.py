"""What runs the product: the local stack, the command line over all parts, and the deployment to AWS."""
