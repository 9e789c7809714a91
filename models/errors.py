"""What the models room refuses. Each says what happened and what to do; values of households are never in the text."""


class Refused(Exception):  # noqa: N818  a refusal is a decision, not a fault
    """Shown to the operator without a traceback."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(f"{what} -> {cure}")
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, str]]:
        """Whole from a worker's process to ours."""
        return type(self), (self.what, self.cure)


class TrainingRefused(Refused):
    """Nothing worth publishing can be learned from this."""


class ModelRefused(Refused):
    """A model on disk that must not be used."""


class SignatureMismatch(ModelRefused):
    """The files are not the ones that were signed. LightGBM has not seen them."""


class ScoresRefused(Refused):
    """Scores that would put households in a meaningless order."""


class ExplanationRefused(Refused):
    """Pushes that do not add up to the score, or that differ from shap's."""
