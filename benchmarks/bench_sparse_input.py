"""Dense and sparse input to the same fit on full MNIST: what it costs, and what comes out.

Run ``python benchmarks/bench_sparse_input.py``, about 5 minutes; it writes sparse_input.md
beside itself. The time is the processor's, so that other work on the machine does not count.
"""

import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from digits_lr import load_mnist_split

C = 50
HEADER = """\
| input | processor seconds | ratio | epochs | objective | train | test |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Fit both ways and write the table."""
    split = load_mnist_split()
    rows, dense_seconds = [], None
    for name, convert in [("dense float64", np.asarray), ("CSR float64", csr_array)]:
        X_train = convert(split.X_train.astype(np.float64))
        X_test = convert(split.X_test.astype(np.float64))
        model = LogisticRegression(
            solver="saga", C=C, l1_ratio=1, tol=0.01, max_iter=1000, random_state=0
        )
        start = time.process_time()
        model.fit(X_train, split.y_train)
        seconds = time.process_time() - start
        dense_seconds = dense_seconds or seconds
        loss = C * log_loss(split.y_train, model.predict_proba(X_train), normalize=False)
        rows.append(
            f"| {name} | {seconds:.0f} | {seconds / dense_seconds:.2f} | {model.n_iter_[0]} "
            f"| {loss + np.abs(model.coef_).sum():,.0f} "
            f"| {model.score(X_train, split.y_train):.5f} "
            f"| {model.score(X_test, split.y_test):.4f} |"
        )
        print(rows[-1], flush=True)
    table = HEADER + "\n".join(rows) + "\n"
    Path(__file__).with_name("sparse_input.md").write_text(table)


if __name__ == "__main__":
    main()
