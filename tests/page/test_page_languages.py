"""The page in each of its languages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import mien

_LANG = Path(mien.__file__).parent / "app" / "static" / "lang"
_PAGE = _LANG.parent / "index.html"
LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "zh"]
_PLURALS = """
const told = process.argv.slice(1).map((tag) => {
  const rules = new Intl.PluralRules(tag);
  return [tag, [...new Set(Array.from({ length: 201 }, (_, n) => rules.select(n)))].sort()];
});
console.log(JSON.stringify(Object.fromEntries(told)));
"""


def _words(language):
    return json.loads((_LANG / f"{language}.json").read_text("utf-8"))


def _placeholders(text):
    """Names of the values in a text, or in each form of a plural."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


def test_every_language_has_the_same_words():
    """Seven files with the same keys in the same order, and the same values in each text; nothing is empty."""
    assert sorted(file.stem for file in _LANG.iterdir()) == LANGUAGES
    english = _words("en")
    for language in LANGUAGES:
        words = _words(language)
        assert list(words) == list(english), language
        for key, text in words.items():
            assert _placeholders(text) == _placeholders(english[key]), (language, key)
            assert all(part.strip() for part in (text.values() if isinstance(text, dict) else [text])), (language, key)


def test_plurals_are_those_of_the_language():
    """Each plural has the forms that its language uses for the numbers up to 200."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the plural rules of the languages are not known")
    done = subprocess.run([node, "-e", _PLURALS, *LANGUAGES], capture_output=True, text=True, timeout=60)
    forms = json.loads(done.stdout)
    for language in LANGUAGES:
        plurals = [text for text in _words(language).values() if isinstance(text, dict)]
        assert len(plurals) == 3
        assert all(sorted(text) == forms[language] for text in plurals), language


def test_every_word_is_used():
    """Each key of the files stands in the page or in one of its modules, in one piece or by its beginning."""
    code = "".join(f.read_text("utf-8") for f in _LANG.parent.iterdir() if f.suffix in (".mjs", ".html"))
    begun = set(re.findall(r"`([a-z.]+\.)\$\{", code))
    unused = [k for k in _words("en") if f'"{k}"' not in code and not any(k.startswith(start) for start in begun)]
    assert unused == []


def test_the_page_itself_is_english():
    """What stands in the page before its words have come is what the English file says."""
    text = _PAGE.read_text("utf-8")
    english = _words("en")
    found = re.findall(r'data-t="([\w.]+)"[^>]*>([^<]+)<', text)
    named = re.findall(r'aria-label="([^"]+)" data-t-name="([\w.]+)"', text)
    assert len(found) > 50
    assert [(key, words) for key, words in found if english[key] != words] == []
    assert [(key, words) for words, key in named if english[key] != words] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks(site, open_tab, language):
    """In the browser's language: no key is left, no English text where there is another one, nothing sticks out at
    375 px on any tab; only this language's file is fetched; Arabic runs from right to left.
    """
    tab = open_tab(site, locale=language, viewport={"width": 375, "height": 740})
    page = tab.ready()
    fetched = page.evaluate("() => performance.getEntriesByType('resource').map((e) => e.name.split('/').at(-1))")
    tab.engine("server")
    words, english = _words(language), _words("en")
    assert [name for name in fetched if name.endswith(".json")].count(f"{language}.json") == 1
    assert {name for name in fetched if name.endswith(".json")} == {"config.json", f"{language}.json"}
    assert page.evaluate("() => document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    assert page.title() == words["title"]
    page.click("#trylive")
    page.wait_for_selector("#faces .face:nth-child(2)")
    page.wait_for_selector("#spoken:not(:empty)", state="attached")
    seen = ""
    for name in ("live", "photo", "video", "session", "model"):
        page.click(f"#tab-{name}")
        seen += page.inner_text("body") + page.text_content("#spoken")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 375, (language, name)
    assert [key for key in english if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", seen) and "." in key] == []
    assert "{" not in seen
    assert words["label.happy"].lower() in seen.lower()
    if language != "en":
        long = [k for k, text in english.items() if isinstance(text, str) and len(text) > 25 and "{" not in text]
        assert [k for k in long if english[k] in seen] == []


def test_numbers_are_those_of_the_locale(site, open_tab):
    """Shares, thousands and points as the visitor's country writes them; files for machines keep their keys."""
    page = open_tab(site, locale="de-DE").ready()
    page.click("#tab-model")
    told = page.inner_text("#modelfacts")
    assert re.search(r"\d,\d\N{NO-BREAK SPACE}%", told)
    assert re.search(r"\d\.\d{3}", told)
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photosum:text('2 Bilder, 2 Gesichter')")
    with page.expect_download() as saved:
        page.click("#photocsv")
    lines = saved.value.path().read_text("utf-8").splitlines()
    assert "p_happy" in lines[0]
    assert ",happy,0." in lines[1]


def test_a_language_is_chosen_and_kept(site, open_tab):
    """The list names each language in itself; a choice holds for the next visit; it asks before something is lost."""
    tab = open_tab(site, locale="fr-CA")
    page = tab.ready()
    assert page.input_value("#language") == "fr"
    assert "العربية" in page.locator("#language option").all_inner_texts()
    page.select_option("#language", "es")
    page.wait_for_selector("html[data-lang=es][data-ready]", state="attached")
    page.reload()
    page.wait_for_selector("html[data-lang=es][data-ready]", state="attached")
    tab.engine("server")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photocards article >> nth=1")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.select_option("#language", "de")
    assert page.input_value("#language") == "es"
    assert page.locator("#photocards .photo").count() >= 1


def test_an_unknown_language_is_english(site, open_tab):
    """A browser whose languages the page does not have gets English, the next one that it names before."""
    page = open_tab(site, locale="fi-FI").ready()
    assert page.evaluate("() => document.documentElement.lang") == "en"
    chosen = """async () => {
      const { languageOf } = await import('/static/words.mjs');
      return [languageOf(['fi', 'zh-TW', 'de']), languageOf(['de'], 'ar'), languageOf(['de'], 'xx'), languageOf([])];
    }"""
    assert page.evaluate(chosen) == ["zh", "ar", "de", "en"]


def test_own_labels_stay_as_they_are(site, open_tab):
    """Only the labels that everybody knows are translated."""
    page = open_tab(site, locale="de").ready()
    names = "async () => { const m = await import('/static/words.mjs'); return ['happy', 'bored'].map(m.nameOf); }"
    assert page.evaluate(names) == ["fröhlich", "bored"]
