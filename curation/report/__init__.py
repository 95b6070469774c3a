"""One set of numbers, four ways to read it: report.json, HTML, Markdown, terminal."""
