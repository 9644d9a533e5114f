-- URLs, read as java.net.URI reads them: what it refuses gives NULL, a part that is not there ''.
-- Source: https://trino.io/docs/current/functions/url.html, https://www.rfc-editor.org/rfc/rfc2396

CREATE MACRO tr_url_characters() AS '(?:[A-Za-z0-9_\-!.~''()*,;:$&+=@]|%[0-9A-Fa-f]{2}|[^\x00-\x7F])';
CREATE MACRO tr_url_authority_form() AS '(?://(?:' || tr_url_characters() || '|[\[\]])+)';
CREATE MACRO tr_url_path_form() AS '(?:' || tr_url_characters() || '|/)*';
CREATE MACRO tr_url_rest_form() AS '(?:' || tr_url_characters() || '|[/?\[\]])*';
CREATE MACRO tr_url_tail_form() AS '(?:\?' || tr_url_rest_form() || ')?(?:#' || tr_url_rest_form() || ')?';
CREATE MACRO tr_is_absolute_url(url) AS regexp_full_match(url, '[A-Za-z][A-Za-z0-9+.\-]*:(?:'
    || tr_url_characters() || tr_url_rest_form() || '(?:#' || tr_url_rest_form() || ')?'
    || '|(?:' || tr_url_authority_form() || '|' || tr_url_authority_form() || '?/' || tr_url_path_form() || ')'
    || tr_url_tail_form() || ')');
CREATE MACRO tr_is_relative_url(url) AS NOT regexp_matches(url, '^[^/?#]*:')
    AND url NOT IN ('//', '///') AND regexp_full_match(
        url, tr_url_authority_form() || '?' || tr_url_path_form() || tr_url_tail_form());
CREATE MACRO tr_is_url(url) AS tr_is_relative_url(url) OR (url <> '' AND tr_is_absolute_url(url) AND NOT suffix(url, '://'));
CREATE MACRO tr_url_is_opaque(url) AS regexp_matches(url, '^[A-Za-z][A-Za-z0-9+.\-]*:[^/]');
CREATE MACRO tr_url_part(url, place) AS regexp_extract(
    url, '^(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$', place);
CREATE MACRO tr_url_hierarchic(url, place) AS
    CASE WHEN tr_url_is_opaque(url) THEN '' ELSE tr_url_part(url, place) END;
CREATE MACRO tr_url_authority(url, place) AS regexp_extract(
    tr_url_hierarchic(url, 2),
    '^(?:[^@\[\]]*@)?((?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.?'
    || '|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\])(?::(\d*))?$', place);

CREATE MACRO tr_url_extract_protocol(url) AS CASE WHEN tr_is_url(url) THEN tr_url_part(url, 1) END;
CREATE MACRO tr_url_extract_host(url) AS CASE WHEN tr_is_url(url) THEN tr_url_authority(url, 1) END;
CREATE MACRO tr_url_extract_port(url) AS CASE WHEN tr_is_url(url) THEN TRY_CAST(tr_url_authority(url, 2) AS BIGINT) END;
CREATE MACRO tr_url_extract_path(url) AS CASE WHEN tr_is_url(url) THEN url_decode(tr_url_hierarchic(url, 3)) END;
CREATE MACRO tr_url_extract_query(url) AS CASE WHEN tr_is_url(url) THEN url_decode(tr_url_hierarchic(url, 4)) END;
CREATE MACRO tr_url_extract_fragment(url) AS CASE WHEN tr_is_url(url) THEN url_decode(tr_url_part(url, 5)) END;

CREATE MACRO tr_url_decode(text) AS CASE
    WHEN contains(regexp_replace(text, '%[0-9A-Fa-f]{2}', '', 'g'), '%')
    THEN CAST(tr_fail('URLDecoder: Illegal hex characters in escape (%) pattern') AS VARCHAR)
    ELSE url_decode(replace(text, '+', ' ')) END;
CREATE MACRO tr_url_encode(text) AS
    replace(replace(replace(url_encode(text), '%20', '+'), '%2A', '*'), '~', '%7E');
CREATE MACRO tr_url_argument(argument) AS
    CASE WHEN contains(argument, '=') THEN tr_url_decode(substr(argument, strpos(argument, '=') + 1)) ELSE '' END;
CREATE MACRO tr_url_extract_parameter(url, name) AS CASE WHEN tr_is_url(url) AND contains(url, '?') THEN
    list_transform(
        list_filter(string_split(tr_url_hierarchic(url, 4), '&'), lambda tr_part: split_part(tr_part, '=', 1) = name)[1:1],
        lambda tr_part: tr_url_argument(tr_part))[1] END;
