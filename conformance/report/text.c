#include "report/text.h"

#include <ctype.h>
#include <string.h>

/* A piece of output: one character that stands for itself, or an escape. */
struct glyph {
    char text[16];
    size_t columns;
};

static const struct {
    uint32_t first, last;
} shown[] = {
    {0x20, 0x7e},   {0xa1, 0xac},     {0xae, 0x24f},    {0x386, 0x3ff},   {0x400, 0x482},
    {0x48a, 0x52f}, {0x2010, 0x2027}, {0x2030, 0x205e}, {0x2190, 0x22ff},
};

size_t cf_text_utf8(const char *at, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)at[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    size_t length = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : 2;
    if (first < 0xc0 || first >= 0xf8)
        return 0;
    uint32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | ((unsigned char)at[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *point = value;
    return length;
}

static bool is_shown(uint32_t point)
{
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (point >= shown[i].first && point <= shown[i].last)
            return true;
    return false;
}

/* Fills GLYPH from the text at AT and returns the bytes consumed, at least one. */
static size_t next_glyph(const char *at, struct glyph *glyph)
{
    uint32_t point = 0;
    size_t length = cf_text_utf8(at, &point);
    if (length != 0 && is_shown(point)) {
        memcpy(glyph->text, at, length);
        glyph->text[length] = '\0';
        glyph->columns = 1;
        return length;
    }
    if (length <= 1)
        snprintf(glyph->text, sizeof glyph->text, "\\x%02x", (unsigned char)at[0]);
    else
        snprintf(glyph->text, sizeof glyph->text, "\\u{%x}", (unsigned)point);
    glyph->columns = strlen(glyph->text);
    return length == 0 ? 1 : length;
}

static const char *xml_entity(char character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

/* Whether Markdown, or a dialect that links bare addresses and names, would read more than text
 * into the character at AT. An underscore within a word is only that; BEFORE is what precedes. */
static bool is_markup(char before, const char *at)
{
    if (at[0] == '_')
        return !isalnum((unsigned char)before) || !isalnum((unsigned char)at[1]);
    if (strchr("&<>|`*[]\\~#!@$", at[0]) != NULL)
        return true;
    return (at[0] == ':' && at[1] == '/') || strncmp(at, "www.", 4) == 0;
}

static void put_glyph(FILE *out, enum cf_text_form form, char before, const char *at,
                      const char *glyph)
{
    const char *entity = form == CF_TEXT_XML && glyph[1] == '\0' ? xml_entity(glyph[0]) : NULL;
    if (entity != NULL) {
        fputs(entity, out);
    } else if (form == CF_TEXT_MARKDOWN && glyph[1] == '\0' && is_markup(before, at)) {
        fprintf(out, "&#%d;", glyph[0]);
    } else if (form == CF_TEXT_MARKDOWN && glyph[0] == '\\') {
        fprintf(out, "&#92;%s", glyph + 1);
    } else {
        fputs(glyph, out);
    }
}

void cf_text_put(FILE *out, enum cf_text_form form, const char *text)
{
    struct glyph glyph;
    char before = '\0';
    for (const char *at = text; *at != '\0';) {
        size_t taken = next_glyph(at, &glyph);
        put_glyph(out, form, before, at, glyph.text);
        at += taken;
        before = at[-1];
    }
}

size_t cf_text_columns(const char *text)
{
    struct glyph glyph;
    size_t columns = 0;
    for (const char *at = text; *at != '\0'; at += next_glyph(at, &glyph), columns += glyph.columns)
        ;
    return columns;
}

void cf_text_fit(FILE *out, const char *text, size_t columns, bool pad)
{
    bool whole = cf_text_columns(text) <= columns;
    size_t limit = whole || columns == 0 ? columns : columns - 1, used = 0;
    struct glyph glyph;
    for (const char *at = text; *at != '\0';) {
        at += next_glyph(at, &glyph);
        if (used + glyph.columns > limit)
            break;
        fputs(glyph.text, out);
        used += glyph.columns;
    }
    if (!whole && columns > 0) {
        fputs("…", out);
        used++;
    }
    for (; pad && used < columns; used++)
        fputc(' ', out);
}
