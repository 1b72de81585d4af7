"""How Sphinx builds the documentation: Markdown pages by people, the reference from the docstrings."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes

project = "kakehashi"
author = "The kakehashi developers"
copyright = "2026, The kakehashi developers. Apache License 2.0"
release = importlib.metadata.version("kakehashi")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "reference/api/modules.rst"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

apidoc_modules = [
    {
        "path": "../src/kakehashi",
        "destination": "reference/api",
        "separate_modules": True,
        "module_first": True,
        "max_depth": 2,
        "exclude_patterns": ["**/cli/**"],  # the commands are for a shell, and have a page of their own
    }
]
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "exclude-members": "model_config",
    "ignore-module-all": True,  # each name is documented once, where it is defined
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False  # "Shape (n, 2): what it is" is a sentence, not a type
napoleon_use_ivar = True  # attributes of dataclasses stand in the class's docstring, once

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["math.css"]
html_title = f"kakehashi {release}"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}


def skip_inner_constants(app: Any, what: str, name: str, obj: object, skip: bool, options: Any) -> bool | None:
    """Leave out constants that their module does not offer in ``__all__``."""
    if what != "module" or not name.isupper():
        return None
    modules = [module for key, module in list(sys.modules.items()) if key.startswith("kakehashi")]
    return None if any(name in getattr(module, "__all__", ()) for module in modules) else True


def keep_first_colon(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Napoleon takes what stands before the colon in a constant's docstring for its type; it is a sentence."""
    if what in ("data", "attribute") and lines:
        lines[0] = lines[0].replace(": ", " \N{EN DASH} ", 1)


def write_mathml(translator: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers show without a script from elsewhere."""
    block = isinstance(node, nodes.math_block)
    markup = tex2mathml(node.astext(), as_block=block)
    translator.body.append(f'<div class="math">{markup}</div>' if block else markup)
    raise nodes.SkipNode


@functools.cache
def titles_of(env: Any) -> dict[str, Any]:
    """The table of contents of each page, cut down to its title and the pages below it."""
    titles = {name: toc.deepcopy() for name, toc in env.tocs.items()}
    for toc in titles.values():
        for entry in toc.children:
            if len(entry) > 1:
                below = list(entry.findall(addnodes.toctree))
                entry[1:] = [nodes.bullet_list("", *below)] if below else []
    return titles


def list_titles(app: Any, pagename: str, templatename: str, context: Any, doctree: Any) -> None:
    """Make the list of all pages beside a page's text from titles.

    Sphinx would copy every page's whole table of contents, each function in it, and throw all but the title away: for
    every page anew, which took most of the time of a build.
    """
    resolve, env = context["toctree"], app.env

    def toctree(**options: Any) -> str:
        whole = env.tocs
        if options.get("titles_only"):
            env.tocs = titles_of(env)
        try:
            return str(resolve(**options))
        finally:
            env.tocs = whole

    context["toctree"] = toctree


def read_in_order(app: Any, env: Any, docnames: list[str]) -> None:
    """Read page after page, and let several processes only write them.

    Autodoc notes the annotations of the classes that it meets in the classes; what it says of one depends on those that
    it met before, and several processes would meet others in each build.
    """
    processes, app.parallel = app.parallel, 1
    app.connect("env-updated", lambda app, env: setattr(app, "parallel", processes))


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (write_mathml, None), (write_mathml, None))
    app.connect("autodoc-skip-member", skip_inner_constants)
    app.connect("autodoc-process-docstring", keep_first_colon, priority=100)  # before napoleon
    app.connect("env-before-read-docs", read_in_order)
    app.connect("html-page-context", list_titles, priority=100)  # before the theme asks for the list
    return {"parallel_write_safe": True}
