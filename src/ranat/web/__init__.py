"""The web application: text in, entities and relations out, and a page to read and correct them.

`app` has the routes, `guard` lets in who may come in, `batching` gives the model the texts of many requests at once,
`store` keeps corrections, `changes` tells what they are, `files` reads uploads and writes downloads, and `messages` are
the bodies of requests and answers. The page is plain HTML, CSS and JavaScript in `static`; there is nothing to build.
"""
