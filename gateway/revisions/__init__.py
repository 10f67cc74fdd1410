"""The configuration's revisions: how one is loaded, and how the next takes its place."""
