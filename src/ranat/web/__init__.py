"""The web application: text in, entities and relations out, and a page to read and correct them.

`app` has the routes, `guard` lets in who may come in, `batching` gives the model the texts of many requests at once,
`store` keeps corrections, `changes` tells what they are, `files` reads uploads and writes downloads, and `messages` are
the bodies of requests and answers. `server` puts all of it at an address, within `limits`, with the models that are
named, or with those of `demo_runs`. The page, which `pages` serves, is plain HTML, CSS and JavaScript in `static`;
there is nothing to build.
"""
