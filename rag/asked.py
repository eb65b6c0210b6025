"""What a question asks for, by rule: one fact, a list, a comparison, a summary or a yes; and what binds it.

The rules know English, German, French and Spanish well, Italian and Portuguese a little. Where none fits,
the question asks for a fact. Only the beginning of a long question is read, so the time is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from index.analysis import detect_language, stop_words, words
from index.sentences import sentence_spans

Kind = Literal["fact", "list", "compare", "summary", "yes_no"]

_MOST_CHARS = 2_000  # of a question that are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The kind of answer that a question asks for, and what an answering sentence has to respect.

    All words are written as :func:`index.analysis.words` gives them.
    """

    kind: Kind
    # The content words of the two things compared, and of neither both; a side is empty where a pronoun
    # stands ("How does it differ from ..."). None when nothing is compared or the two cannot be told apart.
    compared: tuple[frozenset[str], frozenset[str]] | None = None
    names: frozenset[str] = frozenset()  # written with a capital letter though no sentence begins there
    years: frozenset[str] = frozenset()
    numbered: frozenset[tuple[str, str]] = frozenset()  # ("article", "12"): a word and the number behind it
    negated: bool = False  # asks for what is not so; "Isn't it ...?" does not
    language: str = "en"  # whose stop words and negations count; English when the question does not tell


def asked(question: str) -> Asked:
    """Read a question. Any text will do; one that asks nothing known asks for a fact."""
    question = question[:_MOST_CHARS]
    language = detect_language(question) or "en"
    kind: Kind = "fact"
    compared = None
    for start, end in sentence_spans(question):
        sentence = _bare(question[start:end])
        kind = _kind(sentence, language)
        if kind == "compare":
            compared = _sides(sentence, language)
        if kind != "fact":
            break
    return Asked(
        kind=kind,
        compared=compared,
        names=frozenset(_names(question)),
        years=years_in(question),
        numbered=numbered_in(question),
        negated=is_negated(_NEGATIVE_YES_NO.sub("", _bare(question)), language),
        language=language,
    )


_QUESTION_WORDS = frozenset(["who", "whom", "whose", "what", "which", "when", "where", "why", "how"])
_ORDERS = frozenset(
    [
        *("name", "list", "give", "tell", "show", "find", "explain", "describe", "define", "summarise"),
        *("summarize", "compare", "i", "we", "please"),
    ]
)


def states(text: str) -> bool:
    """Whether an English text is a claim, with its full stop, instead of a question, an order or keywords."""
    first = [word for word, _, _ in words(text[:200])[:5]]
    return (
        text.rstrip().endswith(".")
        and "?" not in text
        and _QUESTION_WORDS.isdisjoint(first)
        and _ORDERS.isdisjoint(first[:1])
    )


# -- what binds a question ---------------------------------------------------------------------------

_YEAR = re.compile(r"1\d{3}|20\d\d")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_NEGATIONS = {
    language: re.compile(rf"\b(?:{spelled})\b", re.IGNORECASE)
    for language, spelled in {
        "en": r"not|no|never|none|neither|nor|nothing|nobody|nowhere|without|except|excluding|cannot"
        r"|unless|\w{2,7}n['’]t|can['’]t",
        "de": r"nicht|nichts|nie|niemals|niemand|weder|ohne|außer|kein(?:e|en|em|er|es)?|ausgenommen",
        "fr": r"pas|non|jamais|aucune?|sans|sauf|excepté|hormis|ni|rien|personne",
        "es": r"no|nunca|jamás|ningún|ninguna?|sin|excepto|salvo|tampoco|nada|nadie",
        "it": r"non|mai|nessun[oa]?|senza|tranne|eccetto|niente|nulla",
        "pt": r"não|nunca|jamais|nenhuma?|sem|exceto|salvo|nada|ninguém",
    }.items()
}
# "Isn't Egypt part of it?" asks whether it is.
_NEGATIVE_YES_NO = re.compile(r"^\w{2,6}n['’]t\b", re.IGNORECASE)


def is_negated(text: str, language: str) -> bool:
    """Whether a text denies or excludes something, in so many words of its language."""
    negations = _NEGATIONS.get(language)
    return negations is not None and negations.search(text) is not None


def years_in(text: str) -> frozenset[str]:
    """The years from 1000 to 2099 in a text."""
    return frozenset(word for word, _, _ in words(text) if _YEAR.fullmatch(word))


def numbered_in(text: str) -> frozenset[tuple[str, str]]:
    """Words with the number right behind each: ``("article", "12")``. Years are left out."""
    spelled = [word for word, _, _ in words(text)]
    return frozenset(
        (word, number)
        for word, number in pairwise(spelled)
        if word.isalpha() and len(word) > 1 and _NUMBER.fullmatch(number) and not _YEAR.fullmatch(number)
    )


def _names(question: str) -> Iterator[str]:
    for first, last in sentence_spans(question):
        text = question[first:last]
        for position, (word, start, _) in enumerate(words(text)):
            if position and (text[start].isupper() or text[start].isdigit()):
                yield word


# -- the kind ------------------------------------------------------------------------------------------

# What comes before the question proper: "And", "Please", "Could you".
_OPENING = re.compile(
    r"""(?:[\s"'“”„«»¿¡(*_>-]
      | (?:and|but|so|also|then|now|ok|okay|hi|hello|hey|please|und|aber|bitte|et|mais|y|pero|por\sfavor|e)\b
          [\s,]+
      | (?:can|could|would|will)\s(?:you|u|we)\s(?:please\s)?(?=(?:list|name|tell|give|show|sum|compare
          |contrast|explain|describe|enumerate|outline|provide|write|make)\b|summ?ari[sz])
      | (?:i\swant\syou\sto|i(?:['’]d|\swould)\slike\syou\sto|i\sneed\syou\sto)\s
      | (?:kannst\sdu|können\ssie|könnten\ssie|könntest\sdu)\s(?:mir\s)?(?:bitte\s)?
      | (?:peux-tu|pouvez-vous|pourrais-tu|pourriez-vous|puedes|podrías|puede|podría)\s
      | do\syou\sknow\s(?=wh|how)
      | (?:please\s)?tell\sme\s(?=wh|how)
    )++""",
    re.IGNORECASE | re.VERBOSE,
)

_NUMERAL = (
    r"(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|a\sfew|several|zwei|drei|vier|fünf|sechs"
    r"|deux|trois|quatre|cinq|dos|tres|cuatro|cinco|seis)"
)
_OWNED = r"(?:the|all|some|any|every|each|both|its|their|his|her|my|our|your|these|those)"
# A noun in the plural, as far as its spelling tells; verbs in -s and nouns that only look so are kept out.
# With a capital it is a name: "Who were the Normans?" asks for no list.
_PLURAL = (
    r"(?!(?:is|was|has|does|as|its|his|this|us|always|perhaps|odds|chances|hours|news|whereabouts|prospects"
    r"|dimensions|coordinates|lyrics|stakes|physics|mathematics|economics|politics|ethics|statistics"
    r"|sales|earnings|costs|gas|lens|alias|atlas|canvas|bias|christmas)\b)"
    r"(?:(?-i:[a-zäöüßéèáíóúñ])[\w'’-]{0,30}[^\W\dsui]s|people|children|men|women|criteria|phenomena)\b"
)
_BETWEEN = (
    r"(?:(?!(?:of|in|on|at|for|to|from|by|with|that|which|who|and|or|is|are|was|were|the)\b)[\w'’-]{1,30}\s)"
)
_PLURAL_VERB = (
    r"(?:are|were|do|did|does|have|had|can|could|will|would|should|may|might|must|exist|take|make|need"
    r"|belong)\b"
)

_SUMMARY = re.compile(
    rf"""
      summ?ari[sz](?:e|ing)\b | sum\sup\b | outline\s(?={_OWNED}|how\b|what\b) | recap\b | tl;?dr\b
    | (?:an?\s|the\s)?(?:(?:short|brief|quick|general|concise)\s)*(?:summary|overview|gist|synopsis)\sof\b
    | (?:give|show|write|provide|make|offer)\s(?:me\s|us\s)?(?:an?|the)\s(?:\w+\s)?
        (?:summary|overview|outline|gist|synopsis|rundown)\b
    | (?:tell|teach)\s(?:me|us)\s(?:\w+\s){{0,3}}about\b
    | describe\s(?={_OWNED}|an?\b)
    # "What is the plan about?", not "What is she worried about?"
    | what(?:['’]s|\s(?:is|are|was|were))\s(?!there\b|so\b)(?:[\w'’.-]{{1,40}}\s){{0,8}}?
        (?!\w+(?:ed|ing|wn|id)\sabout|(?:special|unusual|unique|good|bad|great|important|different|wrong|new|happy
           |angry|sad|sure|certain|upset|funny|odd|strange|interesting|anxious|curious|nervous|right|true|brought
           |correct|held)\sabout)
        [\w'’.-]{{1,40}}\s(?:all\s)?about\s*[?.!]*\s*$
    | what\s(?:do|does)\s(?:the|this|that|these|those|it|they|my|our|your|we|you)\s
        (?:[\w'’.-]{{1,40}}\s){{0,5}}?
        (?:(?:say|know|tell|have)\s(?:\w+\s)?about | (?:deal\swith|talk\sabout|cover)\b)
    | what\s(?:are|were|is)\s(?:the|its)\s(?:\w+\s){{0,2}}?(?:main|key|central|most\simportant)\s
        (?:points?|ideas?|messages?|takeaways?|topics?|themes?|contents?|gist)\b
    | what(?:['’]s|\sis)\sthe\s(?:gist|upshot|summary|big\spicture)\b(?!\sjudg)
    # German
    | (?:worum\s(?:geht|ging|handelt)|wovon\s(?:handelt|handeln)|was\ssteht\sin)\b
    | fass(?:e|en|t)?\s.{{1,300}}\szusammen\b | .{{1,300}}\szusammenfassen\b
    | (?:(?:gib|geben|schreib)\w*\s)?(?:(?:mir|sie|uns|bitte|eine?n?|kurze?n?)\s)*
        (?:zusammenfassung|überblick)\b
    | erzähl\w*\s(?:sie\s)?(?:mir|uns)\b
    # French
    | résum(?:e|ez|er|ons)\b | de\squoi\s(?:parl|trait|s['’]agit|est-il\squestion)
    | (?:(?:donne|fais|faites|donnez)(?:-moi|-nous|r)?\s)?(?:un|le)\s(?:bref\s|court\s)?(?:résumé|aperçu)\b
    | parl(?:e|ez)(?:-moi|-nous|r)\s(?:de|du|des|d['’])
    # Spanish, Italian, Portuguese
    | (?:resume|resuma|resumir|resúme\w*|resúma\w*)\b | (?:de|sobre)\squé\s(?:trata|habla|va)\w*\b
    | (?:dame|deme|haz|hazme|hacer)\s(?:un|una)\s(?:breve\s)?(?:resumen|visión)\b
    | (?:háblame|cuéntame|hábleme)\b
    | riassum\w+\b | di\s(?:che\s)?cosa\s(?:parla|tratta)\w*\b | (?:do|de)\sque\s(?:se\s)?trata\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_LIST = re.compile(
    rf"""
    # "What are the hairs on it called?" asks for one name
    (?!.{{0,300}}\s(?:called|named|known\sas)\s*[?.]*\s*$)(?:
      (?:list|enumerate|itemi[sz]e)\s(?:of|out|me|{_OWNED}|{_NUMERAL}|{_BETWEEN}{{0,2}}{_PLURAL})
    | (?:an?\s|the\s)?(?:full\s|complete\s|short\s)?list\sof\b
    | (?:give|show|make|provide|write|create)\s(?:me\s|us\s)?(?:an?|the)\s(?:\w+\s)?list\b
    | (?:name|give|show|tell|mention)\s(?:me\s|us\s)?(?:all|some|every|both|{_NUMERAL})\b
    | (?:name|give|show|tell)\s(?:me\s|us\s)?{_OWNED}\s{_BETWEEN}{{0,3}}{_PLURAL}
    | (?:what|who)\s(?:all\s)?(?:are|were)\s(?:all\s)?{_OWNED}\s{_BETWEEN}{{0,3}}{_PLURAL}
    | (?:what|which)\s(?:kinds|types|sorts|varieties|categories)\sof\b
    | (?:(?:in|on|for|from|to|with|under)\s)?(?:what|which)\s{_BETWEEN}{{0,2}}{_PLURAL}\s{_PLURAL_VERB}
    | which\s{_PLURAL}
    | which\sof\s(?:the|these|those|my|our|your|its|their)\s{_BETWEEN}{{0,2}}{_PLURAL}\s
        (?:are|were|do|did|have|can|could|should|must)\b
    # German
    | (?:nenne?|nennen\ssie|zeige?|gib|zähle?|zählen\ssie|liste?|listen\ssie)\s(?:mir\s|uns\s)?(?:bitte\s)?
        (?:alle|die|einige|mehrere|sämtliche|{_NUMERAL})\b(?!\s\w+(?:heit|keit|ung|ion|stadt)\b)
    | (?:eine\s)?liste\s(?:der|aller|von)\b
    | (?:was|wer)\s(?:sind|waren)\s(?:die|alle|seine|ihre|unsere|deine|meine|eure)\b
    | (?:(?:in|mit|für|von|zu|aus)\s)?welchen?\s(?:\w+e\s)?\w+\s
        (?:sind|waren|haben|hatten|gibt\ses|gab\ses|werden|wurden|können|konnten|dürfen|müssen|sollen|nehmen|nahmen)\b
    | welche\s\w+(?:en|ern|er|s)\s(?!(?:ist|war|hat|wird|wurde|kann|soll|darf|muss)\b)
    # French: quels and quelles are plural in themselves
    | (?:\w{{1,5}}\s)?quel(?:le)?s\b(?!\s(?:que|qu)\b) | (?:qui|que)\ssont\sles\b
    | (?:liste[rz]?|énumère[rz]?|énumérez|cite[rz]?|nomme[rz]?|indique[rz]?)(?:-moi)?\s
        (?:tou(?:te)?s|les|des|{_NUMERAL})\b
    | (?:donne|donnez|fais|faites|dresse[rz]?)(?:-moi|-nous)?\s(?:une|la)\sliste\b
    # Spanish: cuáles is plural in itself; Italian and Portuguese
    | (?:\w{{1,4}}\s)?cu[áa]les\b | qui[ée]nes\sson\b
    | (?:\w{{1,4}}\s)?qu[ée]\s\w+s\s(?:\w+(?:an|en|on)|hay|se|puedo|podemos)\b
    | (?:enumera|enumere|lista|liste|nombra|nombre|menciona|mencione|cita)\s
        (?:todos|todas|los|las|{_NUMERAL})\b
    | (?:haz|haga|dame|deme)\s(?:una|la)\slista\b
    | quali\b | quais\b | (?:elenca|elencare)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)

_YES_NO = {
    language: re.compile(spelled, re.IGNORECASE | re.VERBOSE)
    for language, spelled in {
        "en": r"""
              (?:(?:is|are|was|were|do|does|did|can|could|has|had|will|would|should|might|must|am)(?:n['’]t)?
                 |(?:ca|wo)n['’]t|haven['’]t)\s(?!of\b|que\b|\d)
            | have\s(?:the|an?|i|we|you|they|there|any|all|it|he|she|(?-i:[A-Z]))
            | may\s(?:i|we|you|they|the|an?|it|he|she|one|users?|(?-i:[A-Z]))
            """,
        "de": r"""
              (?:ist|sind|war|waren|hat|haben|hatten?|kann|können|wird|werden|wurden?|darf|dürfen|muss|müssen|soll|sollen
                 |gibt\ses|gab\ses|stimmt\ses)\s
            """,
        "fr": r"""
              est-(?:ce|il|elle)\b | sont-(?:ce|ils|elles)\b | y\sa-t-il\b
            | (?:a|peut|doit|fait|faut|va|ont|peuvent)-(?:t-)?(?:on|ils?|elles?)\b
            """,
        "es": r"""
              (?:es|son|está|están|hay|puede|pueden|puedo|tiene|tienen|ha|han|fue|fueron|existen?|se\spuede)\s(?!que\b)
            """,
    }.items()
}
# A German asks what with a word that in English begins a yes-or-no question; one short of function words
# is not told to be German: "Was kostet Holz?"
_GERMAN_WHAT = re.compile(r"was\s(?-i:[a-zäöü]{3,20}t\s(?!(?:for|in|of|to|at)\b)[A-ZÄÖÜ])", re.IGNORECASE)

# "How big is the difference between ..." asks for one thing, whatever else stands in it.
_ONE_THING = re.compile(
    r"(?:who|whom|whose|when|where|how\s(?!do\b|does\b|did\b|is\b|are\b|was\b|were\b|can\b)|(?:in|on|at)\s(?:what|which)"
    r"|wer|wann|wo|wie\s(?!unterscheide)|qui\b|quand|où|combien|quién|cuándo|dónde|cuánt[oa]s?)\b",
    re.IGNORECASE,
)
ASKING_WORD = re.compile(
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|can|has|have|wer|was|wann|wo|wie"
    r"|warum|qui|que|quand|où|pourquoi|comment|quién|qué|cuándo|dónde|cómo)\b",
    re.IGNORECASE,
)

_ONE, _TWO = r"(?P<one>.{1,200}?)", r"(?P<two>.{1,200})"
_COMPARING = (
    r"(?:compare\sand\scontrast|compare|contrast|vergleiche?|vergleichen\ssie|compare[rz]|compara|comparar"
    r"|confronta)"
)
# In this order: "the right to vote with the right to work" is parted at "with".
_COMPARE_AT_START = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_COMPARING}\s{_ONE}\s(?:with|against|versus|vs\.?|mit|avec|con)\s{_TWO}",
        rf"{_COMPARING}\s{_ONE}\s(?:to|à|au|aux|a)\s{_TWO}",
        rf"{_COMPARING}\s{_ONE}\s(?:and|und|et|y|e)\s{_TWO}",
        rf"(?:compared|in\scomparison)\s(?:to|with)\s{_ONE},\s{_TWO}",
        rf"how\s(?:do|does|did)\s{_ONE}\s(?:compare\s(?:to|with|against)|differ\sfrom)\s{_TWO}",
        rf"how\s(?:is|are|was|were)\s{_ONE}\s(?:different|distinct)\s(?:from|to|than)\s{_TWO}",
        rf"how\s(?:do|does|did)\s{_ONE}\sand\s(?P<two>.{{1,200}}?)\s(?:compare|differ)\b",
        rf"how\s(?:are|were)\s{_ONE}\sand\s(?P<two>.{{1,200}}?)\s(?:different|similar)\b",
        rf"what\sdistinguish(?:es|ed)?\s{_ONE}\sfrom\s{_TWO}",
        rf"wie\sunterscheide[nt]\ssich\s{_ONE}\s(?:von|und)\s{_TWO}",
        rf"wodurch\sunterscheide[nt]\ssich\s{_ONE}\s(?:von|und)\s{_TWO}",
    )
)
_COMPARE_UNPARTED = re.compile(
    rf"{_COMPARING}\s(?:the|both|these|those|all|die|beide|les|las|los)\b", re.IGNORECASE
)
_COMPARE_BETWEEN = re.compile(
    # "The time difference between Paris and Rome" is a number.
    r"(?:^|\b(?:the|an?|any|main|key|major|big|biggest|important|what|some|die|der|den|ein|einen|wesentlichen?|la|las|les"
    r"|qué|quelles?|une?|il|i|hay|of)\s)"
    r"(?:differences?|distinctions?|similarit(?:y|ies)|comparisons?|unterschiede?|gemeinsamkeiten|différences?|diferencias?"
    r"|differenz[ae]|diferenças?)\s(?:\w+\s){0,3}?(?:between|zwischen|entre|tra|fra)\s"
    rf"{_ONE}\s(?:and|und|et|y|e)\s{_TWO}",
    re.IGNORECASE,
)
_VERSUS = re.compile(rf"{_ONE}\s(?:versus|vs\.?)\s{_TWO}", re.IGNORECASE)


def _bare(sentence: str) -> str:
    """The question without its opening politeness, its white space single."""
    sentence = " ".join(sentence.split())
    opening = _OPENING.match(sentence)
    return sentence[opening.end() :] if opening else sentence


def _kind(sentence: str, language: str) -> Kind:
    if _SUMMARY.match(sentence):
        return "summary"
    if _comparison(sentence) is not None or _COMPARE_UNPARTED.match(sentence):
        return "compare"
    if _LIST.match(sentence):
        return "list"
    yes_no = _YES_NO.get(language)
    if yes_no is not None and yes_no.match(sentence) and not _GERMAN_WHAT.match(sentence):
        return "yes_no"
    return "fact"


def _comparison(sentence: str) -> re.Match[str] | None:
    for pattern in _COMPARE_AT_START:
        if found := pattern.match(sentence):
            return found
    if not _ONE_THING.match(sentence) and (found := _COMPARE_BETWEEN.search(sentence)):
        return found
    # "Who won Brown versus Board of Education?" holds a name.
    return None if ASKING_WORD.match(sentence) else _VERSUS.match(sentence)


def _sides(sentence: str, language: str) -> tuple[frozenset[str], frozenset[str]] | None:
    found = _comparison(sentence)
    if found is None:
        return None
    ignored = stop_words(language)
    one, two = (
        frozenset(word for word, _, _ in words(found[side]) if word not in ignored) for side in ("one", "two")
    )
    # "the border plan and the peace plan": "plan" tells nothing apart.
    return (one - two, two - one) if one - two or two - one else None
