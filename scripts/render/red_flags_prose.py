"""The prose of docs/red-flags.md around its tables."""

from __future__ import annotations

INTRO = """# Red-flag classifier

How well the notices of [Safety](safety.md#red-flag-notices) work on texts that nothing was
trained on, and the card of the classifier behind them. Shares are of texts with any notice, with
their 95 % interval (Wilson). Rules are in English, German, Spanish; the classifier reads French,
too.

**Read this first.** No figure is of real patients; validate on your own texts before you rely on
any.

*The release set* in German, Spanish and French was written, and committed, before the training that
these figures are of, and scored once, after it: nothing was trained or tuned on it. *Its author is
that of the rules and of the training texts*, and so is the vocabulary: what one person does not
think of is in neither. The training lines of that day were written after it, by the same person,
who avoided its situations as well as one can; conditions recur, in other words. Read the figures as
more likely too good than too bad for strangers' texts. The first release set, with the English one,
was scored once before that training; its rules `MED116` to `MED125` were written after it and in
knowledge of it, so that its figures without rules are the cleaner ones. It is a known set now: what
it says of the classifier of today is told beside, for information.

*The frozen part* is older, and its figures are optimistic. It was written before the classifier,
by the author who then wrote the training texts. Its totals were looked at between rounds of
training, and lines that were added later name situations that it has, too, in other words. The
first round, before that, noticed 81 % of the English emergencies and 8 % of the other English
texts (German 100 % and 15 %, Spanish 96 % and 15 %, French 92 % and 19 %). Before texts without
medical content were added, it was 85 % and 4 %, and greetings were taken for emergencies. Three
trainings with them were compared on it: 78 % and 3 %; with more errors of typing 84 % and 5 %;
with these and more texts without content, the one that was shipped then, 81 % and 4 % (before the
rules for ten more conditions). So the choice was made with its help. Before the second release set
was scored, two more trainings were dropped because 12 of its 150 English others were noticed, and
the English threshold was raised for the same reason; after it, which has no English texts, once
more. The public sources were looked at between rounds as well, but of their texts no more than a
handful was read, for the format.
"""

RELEASE = """
Scored once. Goals: seven of ten emergencies noticed, six in French, and one other text in twenty at
most. With the thresholds of each language (below), rules in English, German and Spanish. The
classifier of before, with its one threshold, noticed 34, 39 and 34 of the 40 German, Spanish and
French emergencies of this set, and 12, 13 and 9 of the 60 others. What is still noticed wrongly is
above all what is over, was another's, or might happen.

"""

FIRST = """
In English the newest figures are these. *Once* is how the set was scored for its own release, by
the classifier and the one threshold of then; *now* is by today's, and is no evidence: the set is
known, and that its German, Spanish and French others were noticed too often is why texts were added
and thresholds raised.

"""

PREDICTIVE = """Positive predictive value of the release set's figures, at three shares of
emergencies among messages: over the interval of the share of other texts that get a notice.

"""

CALIBRATION = """The classifier's estimate in five bins, and the share of the frozen texts in each
that are emergencies.

"""

SOURCES_NOTE = """
HealthBench's labels are of its themes: some of the others are emergencies on reading; every second
one of its others was trained on. Semigran's cases are worded like exam items ("A 48-year-old woman
presents ..."), and are taken for such: nearly all training texts in that form are exam items, which
are no emergencies whatever they tell. A remedy needs cases in that form with labels of their
urgency. ClinicaFlow's are given without their vital signs.
"""

RULES = """
On the frozen part and on all public sources, those that were trained on among them: how often a
rule names a reason, in emergencies and in others; *alone* where neither another rule nor the
classifier would have raised a notice. A rule is worth its place for the reason it names, as long
as it is right far more often than wrong; some of the wrong ones are emergencies on reading. A
rule without a number met no text of its kind here. No whole rule was wrong more often than
right; twelve of their signs were, on the texts that training uses, and are gone:
"exsanguinat..." (0 right, 6 wrong), "plan suicide" as a subject (0 and 6), "Hodentorsion" by
itself (0 and 6) and its Spanish word, "Luftnot" by itself (1 and 8), "disnea" by itself (1 and
5), German "STEMI", "...stillstand" and "angeschossen" (0 and 2 each), "Suizidgedanken" by itself
(0 and 1), and a double of "slurred speech". Of the 502 that were left 70 matched no text of any
corpus, test or source, and 55 of these are gone; the 15 of `MED104` stay, because hardly any public
text is about suicide, and a reason that is not named costs most there.

"""

CARD_TEXT = """
## Card

Trained {trained}; {method}; {texts:,} texts, {emergencies:,} of them emergencies. Cross-validated
over groups of texts with a common origin, at an estimate of {cv_threshold:.2f}:
{cv_sensitivity:.0%} of passages of emergencies, {cv_alarms:.0%} of others.
`python -m scripts.red_flags.train` made it, byte for byte, of the texts and rules of that day.

"""

PUBLIC = """Public sets, fetched by commit and digest (`scripts/red_flags/sources.toml`); nothing of
them is kept here:

"""

OWN = """
Texts of our own (`scripts/red_flags/texts/`, and the corpus of the rules), with their variants;
among the others those without medical content: greetings, commands, small talk, code, noise.

"""

LOOP = """
A text of more than 4 KB is read in a thread. What its request still does on the event loop delays
everybody's next token by its longest step at most: in processor time of the loop's thread, over
fifteen requests (`python -m tests.bench.loop_holds`). Above some megabytes, which a gateway takes
only with a larger `MMHIE_MAX_BODY_BYTES`, it is not the screening that takes the time but counting
what the body will take in memory; and its JSON is parsed under the interpreter's lock, in as long
again.

"""

THRESHOLDS = """
Our own messages by threshold, cross-validated (no line's variants on both sides), by the classifier
alone: a notice in emergencies / in others. *Chosen* is each language's own threshold, the lowest
with {en:.1%} of the others at most in English, {fr:.1%} in the other languages, which have half of
the lines; `MMHIE_NOTICE_THRESHOLD`, where it is set, stands for all of them. Which language a
passage is in is told by the words that are hardly found in the others (`languages.txt.gz`); where
none has more of them, it is read as English.

"""

MATCHES = """
Matches of rules, by the classifier's estimate (cross-validated): below the chosen 0.2 a match is
suppressed.

"""
