"""The option that says which folders are tested."""


def pytest_addoption(parser):
    """Add ``--generated``."""
    parser.addoption(
        "--generated",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder that esru gen wrote, or one above such folders; may be given again "
        "(default: the folder above this one)",
    )
