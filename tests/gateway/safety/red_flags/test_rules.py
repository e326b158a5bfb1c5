"""Hits and near misses of each red-flag rule."""

import pytest

from gateway.safety.red_flags.rules import RULES
from tests.gateway.safety.red_flags.corpus import ids

# A present emergency in patients' words and in clinicians' shorthand.
HITS = {
    "MED101": (
        "My chest hurts and my jaw is numb.",
        "50yo male, chest pain since 2 hours, ST elevation in V2-V4.",
        "i feel a squeezing pressure in the middle of my chest",
        "She has no fever but complains of severe chest pain.",
        "Patient denies cough, now has substernal pain radiating to the back.",
        "What should I do, I have crushing chest pain",
        "My father has chest pain and is sweating.",
    ),
    "MED102": (
        "His face is drooping.",
        "I suddenly can't speak properly.",
        "81F, right hemiparesis, onset 50 minutes ago.",
        "My dad had a stroke an hour ago.",
        "thunderclap headache while running",
        "I can't lift my left arm since lunch.",
    ),
    "MED103": (
        "My throat is closing.",
        "her lips are swelling after the prawns",
        "Urticaria and wheeze five minutes after contrast.",
        "My wife is in anaphylactic shock.",
        "He has angioedema of the tongue and stridor.",
    ),
    "MED104": (
        "I want to kill myself.",
        "She says she wants to end her life.",
        "I am suicidal.",
        "he wishes he were dead",
        "I don't want to live anymore",
        "Patient with suicidal ideation and a plan, on the ward now.",
        "I can't stop thinking about hanging myself",
    ),
    "MED105": (
        "I took 30 paracetamol tablets.",
        "My son ate a handful of vitamins, the whole bottle of gummies.",
        "She overdosed, she is drowsy",
        "He drank antifreeze.",
        "deliberate overdose of citalopram in a 19 year old",
        "my kid swallowed a laundry pod",
    ),
    "MED106": (
        "The bleeding won't stop.",
        "He is vomiting blood.",
        "Blood is pouring out of her arm.",
        "massive hemorrhage in theatre, patient unstable",
        "I'm bleeding a lot after the birth",
        "60-year-old man with haematemesis tonight",
    ),
    "MED107": (
        "I can't breathe.",
        "She is struggling to breathe.",
        "My baby is choking.",
        "Shortness of breath at rest, getting worse.",
        "sats 82% on air",
        "asthma attack, the inhaler is not helping",
        "I have trouble breathing",
    ),
    "MED108": (
        "Fever, stiff neck and vomiting.",
        "He has a temperature of 39.8 and is confused.",
        "non-blanching rash in a febrile child",
        "Suspected meningitis in a student, temp 40.",
        "I have a fever. My neck is really stiff.",
    ),
    "MED109": (
        "I'm pregnant and bleeding.",
        "28 weeks pregnant with severe abdominal pain.",
        "The baby hasn't moved today.",
        "38 weeks, flashing lights and a splitting headache",
        "postpartum day 2, seizure, BP 175/110",
        "umbilical cord is hanging out",
    ),
    "MED110": (
        "My 6-week-old has a fever of 38.4.",
        "newborn with a temperature of 38.5",
        "The baby is floppy.",
        "my daughter won't wake up",
        "Toddler blue and grunting.",
    ),
    "MED111": (
        "He is having a seizure.",
        "She has been fitting for 6 minutes.",
        "The seizure won't stop.",
        "my child had a seizure this morning",
        "status epilepticus in our patient",
    ),
    "MED112": (
        "Saddle anaesthesia and bilateral sciatica.",
        "I'm numb between my legs.",
        "back pain and urinary retention since today",
        "Slipped disc, I can't control my bladder.",
        "58M with cauda equina compression on MRI",
    ),
    "MED113": (
        "He isn't breathing.",
        "My mother is unconscious.",
        "She passed out and won't wake up.",
        "no pulse",
        "Patient went into cardiac arrest.",
        "I found him lying unresponsive",
    ),
    "MED114": (
        "He was stabbed.",
        "The bone is poking out of his arm.",
        "Car crash, two people trapped.",
        "gunshot wound to the thigh, patient pale",
        "I got electrocuted and feel dizzy",
        "She fell off a ladder and can't move her legs.",
    ),
}
# Negation, history, family, general questions, words with two meanings.
NEAR_MISSES = {
    "MED101": (
        "Denies chest pain.",
        "He has no chest pain, cough or fever.",
        "History of chest pain in 2019, none since.",
        "Chest pain: none. Dyspnoea: none.",
        "Her father had chest pain before his bypass.",
        "What causes crushing chest pain?",
        "If someone has chest pain, which test comes first?",
        "My chest pain resolved months ago.",
        "Chest pain is a common reason for admission.",
        "He is chest pain free.",
    ),
    "MED102": (
        "What are the signs of stroke?",
        "History of stroke in 2010.",
        "My father had a stroke when he was 60.",
        "No facial droop, no slurred speech.",
        "She denies sudden weakness or numbness.",
        "Stroke is a leading cause of disability.",
        "When to give aspirin after acute stroke?",
        "He had slurred speech two years ago after surgery.",
        "Family history of stroke and facial palsy.",
    ),
    "MED103": (
        "How is anaphylaxis treated?",
        "He has a history of anaphylaxis to wasp stings.",
        "No lip swelling, no hives, no wheeze.",
        "She needs an anaphylaxis plan for school.",
        "My sister had an anaphylactic reaction years ago.",
        "My throat is sore.",
        "He is at risk of anaphylaxis.",
    ),
    "MED104": (
        "Denies suicidal ideation.",
        "No thoughts of killing himself.",
        "Suicidal thoughts as a teenager, well since 2015.",
        "How is suicidal ideation assessed?",
        "Do SSRIs increase suicidal thoughts?",
        "My grandfather killed himself years ago.",
        "He wants to die at home with his family.",
        "I don't want to live in a big city.",
        "I want to die of shame.",
    ),
    "MED105": (
        "Took 20 mg of lisinopril this morning.",
        "What is the treatment of paracetamol overdose?",
        "No overdose, no self-harm.",
        "She took an overdose in 2008.",
        "I took two tablets of paracetamol.",
        "She has taken all the vaccinations she needs.",
        "He took 50 mg tablets of tramadol as prescribed.",
        "How can I prevent accidental poisoning at home?",
    ),
    "MED106": (
        "No bleeding.",
        "He denies vomiting blood or melaena.",
        "Which drugs raise the risk of severe bleeding?",
        "Major bleeding in 2020, none since.",
        "I gave blood yesterday.",
        "The bleeding has stopped.",
        "Why does haematemesis occur?",
        "My mother had a brain haemorrhage years ago.",
    ),
    "MED107": (
        "No shortness of breath, no wheeze.",
        "Denies difficulty breathing.",
        "What causes severe shortness of breath?",
        "Acute respiratory distress in 2015, no sequelae.",
        "If someone is choking, give back blows.",
        "SpO2 98% on room air.",
        "She can breathe well now.",
        "My father had severe asthma as a child.",
    ),
    "MED108": (
        "No fever, no neck stiffness.",
        "Fever for two days, no rash, no confusion, drinking well.",
        "What are the signs of meningitis?",
        "Meningitis in 1990, well since.",
        "My neck is stiff from the gym.",
        "Temperature 37.2, a bit confused about the dosing.",
        "Compare scores for septic shock.",
    ),
    "MED109": (
        "12 weeks pregnant, no bleeding, no pain.",
        "What causes bleeding in pregnancy?",
        "I am pregnant and have bleeding gums.",
        "I had bleeding in my first pregnancy in 2019.",
        "Is travel safe at 30 weeks pregnant?",
        "Severe headache, not pregnant.",
        "Can women with pre-eclampsia breastfeed?",
    ),
    "MED110": (
        "My 6-week-old has no fever.",
        "4 year old with a fever of 38.5, playing happily.",
        "Baby is not floppy and feeds well.",
        "How is fever in newborns treated?",
        "My son won't wake up in the morning.",
        "Our baby was limp at birth in 2018 and is fine.",
    ),
    "MED111": (
        "No seizures since 2014.",
        "Last seizure was years ago.",
        "What should bystanders do when someone is having a seizure?",
        "The dress is fitting well.",
        "My aunt had seizures as a child.",
        "Which drugs stop seizures?",
        "History of a first seizure in 2011.",
    ),
    "MED112": (
        "No saddle anaesthesia, no incontinence.",
        "Back pain, denies urinary retention.",
        "What is cauda equina syndrome?",
        "Cauda equina surgery in 2018, stable.",
        "My foot is numb after sitting.",
        "Stress incontinence exercises?",
    ),
    "MED113": (
        "What is cardiac arrest?",
        "Survivor of a cardiac arrest in 2016.",
        "If someone is unconscious, call for help.",
        "I practise breathing exercises.",
        "He was never unconscious.",
        "Unconscious bias training for staff.",
        "I can't wake up without coffee.",
    ),
    "MED114": (
        "How are stab wounds managed?",
        "He was shot at in 1944 but not hit.",
        "My brother had a car accident years ago and was badly hurt.",
        "A stabbing headache after ice cream.",
        "I got my flu shot.",
        "No bones broken, no wounds.",
        "Bone density scan results?",
    ),
}


def pairs(texts: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(rule, text) for rule, those in texts.items() for text in those]


@pytest.mark.parametrize(("rule", "text"), pairs(HITS))
def test_a_present_emergency_is_noticed(rule: str, text: str) -> None:
    """By the rule that is meant for it."""
    assert rule in ids(text)


@pytest.mark.parametrize(("rule", "text"), pairs(NEAR_MISSES))
def test_mere_talk_is_not(rule: str, text: str) -> None:
    """By no rule at all."""
    assert ids(text) == [], rule


def test_every_rule_has_both() -> None:
    """A rule added without hits and near misses fails here."""
    assert HITS.keys() == NEAR_MISSES.keys() == {rule.id for rule in RULES}
