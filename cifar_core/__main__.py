"""`python -m cifar_core COMMAND`: the command line is `cifar_core.cli`."""

from cifar_core.cli.main import main

main()
