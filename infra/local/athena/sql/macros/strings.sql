CREATE MACRO tr_strpos(text, part, instance) AS
    CASE WHEN text IS NULL OR part IS NULL THEN NULL
         WHEN len(string_split(text, part)) <= instance THEN 0
         ELSE len(array_to_string(list_slice(string_split(text, part), 1, instance), part)) + 1 END;
