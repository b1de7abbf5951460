"""The command line: `crn-collector`. It starts in `collector.__main__`."""
