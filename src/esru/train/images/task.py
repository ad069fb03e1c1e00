"""`cifar10-resnet20`: the task whose images the user has, and what is trained of them."""

from __future__ import annotations

from dataclasses import replace

from esru.errors import InputError
from esru.train.images.parts import Images
from esru.train.tasks import Task

#: Channels of the three stages, three blocks of two convolutions each.
STAGES = (16, 32, 64)
BLOCKS = 3

#: What the network reads, and how many classes it tells apart.
SHAPE = (32, 32, 3)
CLASSES = 10


def _shapes() -> tuple[tuple[int, ...], ...]:
    found: list[tuple[int, ...]] = [(STAGES[0], 3, 3, 3)]
    before = STAGES[0]
    for channels in STAGES:
        for _ in range(BLOCKS):
            found += [(channels, before, 3, 3), (channels, channels, 3, 3)]
            before = channels
    return (*found, (CLASSES, before), (CLASSES,))


#: Its controls were not measured, for the data cannot be shipped: it does not judge designs.
RESNET20 = Task(
    name="cifar10-resnet20",
    summary="CIFAR-10 of your own (--data DIR), ResNet-20, SGD with momentum, int8 weights "
    "without a copy",
    network="esru.train.images.resnet:ResNet20",
    shapes=_shapes(),
    learning_rates=(2.0**-3,),
    margin=1.0,
    batch=128,
    epochs=30,
    train_examples=50_000,
    test_examples=10_000,
    needed=90.0,
)


def task_of(images: Images, epochs: int | None = None) -> Task:
    """Return the task with the sizes that the images have.

    Parameters
    ----------
    images : Images
        Of 32x32 pixels in three colours and of at most ten classes.
    epochs : int, optional
        Passes over the training images; None: the task's own.

    Raises
    ------
    InputError
        If the images are others, or the epochs not at least 1.
    """
    if images.shape != SHAPE:
        raise InputError.must(f"Images of {RESNET20.name}", f"of shape {SHAPE}", images.shape)
    if images.classes > CLASSES:
        rule = f"below {CLASSES}"
        raise InputError.must(f"Labels of {RESNET20.name}", rule, images.classes - 1)
    if epochs is not None and epochs < 1:
        raise InputError.must("Epochs", "at least 1", epochs)
    train = len(images.train.images)
    return replace(
        RESNET20,
        batch=min(RESNET20.batch, train),
        epochs=epochs or RESNET20.epochs,
        train_examples=train,
        test_examples=len(images.test.images),
    )
