"""A small convolutional network for small pictures, such as 8 by 8 digits."""

from brickwork.bricks import Conv, Dense, Dropout, Flatten, MaxPool, RandomAffine, Rescale, Sequential


def small_pictures(classes: int, largest: float = 255.0) -> Sequential:
    """Return three convolutions, one pooling and two dense layers, with random small distortions while training.

    For pictures (rows, height, width, channels) of about 8 to 16 pixels a side, with values from 0 to `largest`.

    Source: the LeNet pattern (LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document
    Recognition"), with ReLU, dropout (Srivastava et al. 2014) and affine distortions (Simard et al. 2003).
    """
    return Sequential(
        scale=Rescale(1 / largest),  # (rows, 8, 8, 1), 0..1
        distort=RandomAffine(rotate=9.0, scale=0.08, shear=0.1, shift=0.5),
        conv1=Conv(24, 3, activation="relu"),  # (rows, 8, 8, 24)
        conv2=Conv(32, 3, activation="relu"),  # (rows, 8, 8, 32)
        pool=MaxPool(2),  # (rows, 4, 4, 32)
        conv3=Conv(64, 3, activation="relu"),  # (rows, 4, 4, 64)
        flatten=Flatten(),  # (rows, 1024)
        dropout1=Dropout(0.25),
        dense=Dense(128, "relu", weights="he_normal"),
        dropout2=Dropout(0.5),
        head=Dense(classes),  # (rows, classes): logits
    )
