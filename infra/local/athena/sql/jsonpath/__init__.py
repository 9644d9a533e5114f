"""The path language of SQL/JSON: text to tree (`parser`), tree and document to items (`evaluation`)."""
