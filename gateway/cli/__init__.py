"""The command line. No request passes here."""
