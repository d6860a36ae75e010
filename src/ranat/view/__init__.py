"""A document as HTML, and the frame of a page that is one file: what formats, reports and pages draw with."""
