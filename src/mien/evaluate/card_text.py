"""The words of a model card that no evaluation can supply: what models are for, known data sets, limits."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DATA", "LIMITS", "USE"]

USE = """
## What these models are for, and what not

They name the expression that a face shows in one picture: how it looks, in the vocabulary of the data they were
trained on. **An expression is not an emotion.** People smile without being happy and are angry without a frown; which
expression goes with which feeling differs between people, situations and cultures (Barrett et al. 2019). A probability
says how raters would have labelled the picture, not what the person feels.

Meant for: research, teaching, art and play; counting expressions in pictures of people who agreed; checking other
software; your own photographs.

Not meant for, and not fit for:

- judging people: hiring, policing, border control, insurance, credit, grading, medical or psychological assessment,
  detecting lies or intentions;
- emotions at work or in school: in the European Union, systems that infer emotions of people there are forbidden
  (Regulation (EU) 2024/1689, the AI Act, Art. 5(1)(f)), except for medical or safety reasons; for other uses such
  systems count as high-risk (Annex III, 1(c)), and people must be told of them (Art. 50(3));
- watching people who do not know it, or who cannot refuse;
- any decision without a person who looks at the picture.
"""

DATA: Mapping[str, str] = {
    "fer2013": """
**FER-2013** (Goodfellow et al. 2013): 35,887 grey pictures of faces, 48 x 48 px, found by web search for words of
emotion and labelled by people in seven classes. It was published for a competition on Kaggle, for research. The people
in it were not asked, and their age, origin and sex are not recorded. No picture of it is part of this project. Known
defects: people agree with its labels in about 65 of 100 cases; 8.0 % of the test pictures and 7.8 % of the validation
pictures equal a training picture in every pixel; some of these duplicates carry different labels; disgust has only 547
pictures.
""".strip(),
    "ferplus": """
**FER+** (Barsoum et al. 2016): ten raters' votes for each picture of FER-2013, MIT licence (Microsoft). By the official
majority rule its label equals that of FER-2013 in about two of three test pictures, so a model can be good by one of
them and poor by the other. Contempt, disgust and fear are rare.
""".strip(),
}
"""What is known about a data set, by a part of its name in lower case without hyphens."""

LIMITS = """
## Limits

- The training pictures are small, grey and cropped tightly. Turned heads, masks, hands before the face, strong side
  light and faces below about 24 px are read worse; the table of spoilt pictures shows by how much for some of these.
- The label of a picture is one group's opinion. Where people disagree, so do these models, and a low confidence is then
  the right answer: look at all probabilities instead of the first.
- Rare classes are found less often than frequent ones, and faces at rest are sometimes read as sad or angry. Do not
  compare people or groups by counts of answers.
- Errors differ between groups of people in ways that were not measured here unless a table above says so. Published
  audits of models trained on such data found differences by age, sex and skin colour.
- The figures hold for pictures like those of the test split. On other pictures, measure again.
"""
