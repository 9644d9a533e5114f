"""From bronze to silver to gold: plans, pure transforms, and the driver that runs them."""
