"""How documents look: marks in HTML, a page with search and filters, a drawing; and the frame of every page.

`static/` has the scripts and style sheets, also for the web application; `static/view.js` says what they offer.
"""
