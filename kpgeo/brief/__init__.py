"""The mission brief: content, maps, charts, PDF, HTML, DOCX."""
