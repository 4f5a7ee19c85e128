"""Judges nothing: what evidence cannot settle is left to a person."""

from collections.abc import Sequence

from app.ai.base import Answers, Question
from app.domain.decision import Category, JudgedBy, Judgement


class OfflineClassifier:
    """Stands where no model is configured. The same input gives the same answer, always."""

    version = "offline/1"

    def classify(self, questions: Sequence[Question]) -> Answers:
        """Leave every question to a person; never raises."""
        judgement = Judgement(
            category=Category.OTHER,
            confidence=0.0,
            reason="no model is configured",
            judged_by=JudgedBy.NOBODY,
            source=self.version,
        )
        return Answers([judgement] * len(questions))
