"""What the page of qualities says beside its figures."""

INTRODUCTION = """# Qualities

Made by `make results` from the files in [results](results), one a training run, which
`python -m benchmarks.quality` writes. How long things take is in
[RESULTS.md](RESULTS.md).

Minutes are those of train steps: CPU time of the process on a CPU, wall time on a GPU.
"last" is the state at the end, "best" the one that held-out training images like best;
test images choose no state. "last" stands alone where nothing was judged on the way:
Boltzmann machines of persistent or many chains, which a short annealing does not judge,
and some older runs. `dynamic(0)` are test images drawn once with seed 0, of models that
drew their training images anew in each epoch. Log p is exact (`=`), a lower bound
(`>=`), an estimate (`~`), or an estimate of a lower bound (`>~`). Intervals are of 95%
over test images, one training run; those of estimates also hold the interval of log Z
of three standard errors, where log Z is told.

Commands run where the folder of MNIST (`TFDS_DATA_DIR`), `usps.npz` and `omniglot.npz`
are, and `cifar10_jpeg.npz`: CIFAR-10 from JPEG files, which is another data set than
CIFAR-10 and compares with nothing published. `runs/feature_classifier/model.keras`, the
judge of samples of older runs, is what `python -m recipes.feature_classifier` trains;
it is not kept, so that the samples of those rows compare with each other alone. The
judge that is kept, `mnist_classifier.keras`, had its recipe chosen by held-out figures.

A published number stands in the column "published, this protocol" only where kind,
data and binarization are those of the row, and only there a row is called better,
equal or worse by its interval, **better** in bold where it took no more epochs. The
models may differ: NICE learns logits of pixels here, with ActNorm and a normal prior.
All others are beside it for orientation. (!) marks fewer than 20 effective chains of
annealed importance sampling: no estimate.
"""
NO_ROW = """IWAE with two stochastic layers; MADE alone (a layer of MAF here);
PixelCNN of 15 layers of 128 (81.30 nats), PixelRNN of seven diagonal layers (79.20) and
GatedPixelCNN of ten layers of 128 (81.50), which ours of 5 blocks of 32 stand beside;
the DBM of others' code (86.4); densities of the plane and the four energies of planar
flows; the official static MNIST; CIFAR-10 itself, of which no copy was at hand. Samples
of rows without figures of samples were not drawn. MNIST to USPS stands in
recipes/README.md (`recipes.cycle_gan --classifier`)."""
OF_SAMPLES = """A DDPM of a million weights was to be ahead of all others at equal
minutes. Of grey images, one run each, it is ahead of the adversarial models, the VQ-VAE
with its transformer and Glow; flow matching by the same U-Net is ahead of it, 3.25
beside 4.33, both sampled in 15 steps. Their U-Net has few channels where the image is
large (16 at 28x28, 80 at 7x7), and makes 2,500 steps of 32 images in 15 minutes of a
core. Distances of binary images are to other, binary, test images, and say nothing of
these. Which state of a GAN is the best was told by the kernel distance in pixels of
1,000 samples to held-out training images."""
REMARKS = {  # by a table's title
    "Modes of the grid": """At this budget packs find more modes than the GAN of single
points, and draw fewer good samples; in the paper they draw nearly as many.""",
    "Modes of stacked MNIST": """One seed and few steps, 421 of WGAN-GP's generator:
packs, which draw all modes in the paper, found fewer here than the GAN of single
images.""",
}
