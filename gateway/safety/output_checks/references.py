"""References that cannot exist: a DOI, PMID, PMCID or trial number of the wrong form.

A DOI has no checksum. Its form is that of the DOI Handbook (`10.`, a registrant of four to nine
digits, a slash, a suffix); a PMID has at most 8 digits, as NLM gives them; NCT has 8.
"""

import re

ANNOUNCED = re.compile(
    r"(?i)(?:\bdoi(?:\.org/|:\s{0,3}|\s{1,3})(?:https?://(?:dx\.)?doi\.org/)?([^\s,;)\]]+)"
    r"|\bpmid:?\s{0,3}#?\s{0,3}([\w-]+)|\b(pmc\d[\w-]*)|\b(nct\d[\w-]*))"
)
DOI = re.compile(r"(?i)10\.\d{4,9}(?:\.\d+)*/[^\s]+")
PMID = re.compile(r"[1-9]\d{0,7}")
PMC = re.compile(r"(?i)pmc[1-9]\d{0,7}")
NCT = re.compile(r"(?i)nct\d{8}")
FORMS = (DOI, PMID, PMC, NCT)
STARTS = re.compile(r"[\d<]")  # "doi is" and "PMID number" announce nothing


def malformed(text: str) -> bool:
    """Return whether a text announces a reference of a form that none has."""
    for match in ANNOUNCED.finditer(text):
        at = next(number for number, group in enumerate(match.groups()) if group is not None)
        named = match.group(at + 1).rstrip(".:'\"*_`>")
        if at < 2 and not STARTS.match(named):
            continue
        if FORMS[at].fullmatch(named) is None:
            return True
    return False
