from app.ai.base import Question
from app.ai.offline import OfflineClassifier
from app.domain.decision import Category, Decision, JudgedBy, Judgement, decide


def test_without_a_model_a_person_decides():
    classifier = OfflineClassifier()
    question = Question(
        sender="a@example.com", subject=None, text="Hi", channel="email"
    )

    answers = classifier.classify([question, question])

    nobody = Judgement(
        category=Category.OTHER,
        confidence=0.0,
        reason="no model is configured",
        judged_by=JudgedBy.NOBODY,
        source="offline/1",
    )
    assert answers.judgements == [nobody, nobody]
    assert answers.usage == {}
    assert decide(nobody) is Decision.NEEDS_HUMAN


def test_no_questions_have_no_answers():
    assert OfflineClassifier().classify([]).judgements == []
