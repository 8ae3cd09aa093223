"""Writes attribute-scores.json: answers drawn at random and what scikit-learn says about them.

Run with Debian's python3-sklearn from this directory:
    python3 attribute_scores.py > ../resources/org/rafclip/eval/attribute-scores.json
"""

import json
import random
import sys
import warnings

import sklearn
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

warnings.filterwarnings("ignore")
draw = random.Random(2024)
cases = []
for k, n, labels_from, answers_from in [
    (7, 60, range(7), range(7)),
    (3, 40, range(3), range(3)),
    (3, 30, [0, 2], range(3)),  # one attribute never occurs but is answered
    (6, 50, range(6), [2]),  # one answer for everything
    (4, 30, [0, 1], [0, 1]),  # two attributes neither occur nor are answered
    (2, 25, range(2), range(2)),
    (5, 20, [3], range(5)),  # one label for everything
]:
    labels = [draw.choice(list(labels_from)) for _ in range(n)]
    answers = [
        label if label in answers_from and draw.random() < 0.5 else draw.choice(list(answers_from))
        for label in labels
    ]
    cases.append(
        {
            "k": k,
            "labels": labels,
            "answers": answers,
            "accuracy": accuracy_score(labels, answers),
            "balancedAccuracy": balanced_accuracy_score(labels, answers),
            "macroF1": f1_score(labels, answers, average="macro"),
            "confusion": confusion_matrix(labels, answers, labels=range(k)).tolist(),
        }
    )
json.dump({"scikit-learn": sklearn.__version__, "cases": cases}, sys.stdout)
print()
