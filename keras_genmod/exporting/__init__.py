"""Parts of models as files that serve without this package."""

from keras_genmod.exporting.export import export

__all__ = ["export"]
