"""A page is left without scripts and with one policy, whatever rendered it."""

from __future__ import annotations

import pytest

from myot2.report.policy import POLICY, with_policy, without_scripts

PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head>\n<meta charset="utf-8">\n'
    '<script src="data:text/javascript;base64,AAAA"></script>\n'
    "<script type='module'>\nif (a < b && '<b>') { c() }\n</script >\n<title>scripts</title></head>"
    "<body>&lt;script&gt; as text</body></html>"
)


def test_every_script_element_goes_and_text_about_scripts_stays():
    page = without_scripts(PAGE)
    assert "<script" not in page and "c()" not in page
    assert "<title>scripts</title></head><body>&lt;script&gt; as text</body></html>" in page


def test_the_policy_stands_before_all_but_the_character_set():
    page = with_policy(PAGE)
    assert page.split("<head>")[1].startswith('\n<meta charset="utf-8">\n  <meta http-equiv="Content-Security-Policy"')


def test_a_policy_that_is_there_is_replaced():
    page = with_policy(with_policy(PAGE).replace("'none'", "*"))
    assert page.count("Content-Security-Policy") == 1 and POLICY in page


def test_a_page_without_a_head_is_refused():
    with pytest.raises(ValueError, match="no <head>"):
        with_policy("<p>x</p>")


@pytest.mark.parametrize("source", ["script", "connect", "frame", "object", "worker", "media"])
def test_the_policy_opens_no_way_out(source):
    assert POLICY.startswith("default-src 'none'") and f"{source}-src" not in POLICY and "http" not in POLICY
