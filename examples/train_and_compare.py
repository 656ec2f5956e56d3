"""Train networks on FER-2013 (or any data set), rank them on validation, judge the best one once on test.

python examples/train_and_compare.py fer2013.csv runs 20 mien-s mobilenetv2 resnet50v2 vgg16
"""

import sys
from pathlib import Path

from mien.data import read
from mien.evaluate.compare import rank, read_run, write_comparison
from mien.evaluate.judge import judge
from mien.infer.classify import load_classifier
from mien.learn.config import Config
from mien.learn.train import train

source, out, epochs, *models = sys.argv[1:]
data, runs = read(source), Path(out)
carve = 0.0 if "validation" in data.split_counts() else 0.1  # Kaggle's folders have only train and test
for model in models:
    train(data, Config(model=model, epochs=int(epochs), warmup=0.1, validation=carve), runs / model, say=print)
ranked = rank([read_run(runs / model) for model in models])
print("comparison:", write_comparison(ranked, "accuracy", runs / "comparison"))
best = judge(load_classifier(runs / ranked[0].name), data, split="test")
print(f"{ranked[0].name}: accuracy {best.figures.accuracy:.1%}, macro-F1 {best.figures.macro_f1:.1%} on the test split")
