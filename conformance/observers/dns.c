#include "observers/dns.h"

#include <stdio.h>
#include <string.h>

enum { HEADER = 12, TYPE_A = 1, TYPE_AAAA = 28, LABEL_MAX = 63, NAME_MAX_WIRE = 255 };

static char *put_label(char *text, const unsigned char *label, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = label[i];
        if (byte > ' ' && byte < 0x7f && byte != '.' && byte != '\\')
            *text++ = (char)byte;
        else
            text += snprintf(text, 5, "\\x%02x", byte);
    }
    *text++ = '.';
    return text;
}

/* The offset behind the name at AT, or 0. A question never needs compression. */
static size_t read_name(const unsigned char *message, size_t length, size_t at, char *text)
{
    char *end = text;
    size_t start = at;
    while (at < length && message[at] != 0) {
        size_t label = message[at];
        if (label > LABEL_MAX || at + 1 + label >= length || at + label - start > NAME_MAX_WIRE)
            return 0;
        end = put_label(end, message + at + 1, label);
        at += 1 + label;
    }
    if (at >= length)
        return 0;
    if (end > text)
        end--; /* the last dot */
    else
        *end++ = '.';
    *end = '\0';
    return at + 1;
}

bool cf_dns_question(const unsigned char *message, size_t length, struct cf_dns_question *question)
{
    if (length < HEADER || (message[4] == 0 && message[5] == 0))
        return false;
    size_t at = read_name(message, length, HEADER, question->name);
    if (at == 0 || at + 4 > length)
        return false;
    question->type = (unsigned)message[at] << 8 | message[at + 1];
    question->end = at + 4;
    return true;
}

static size_t put_record(unsigned char *answer, unsigned type, const void *data, size_t length)
{
    const unsigned char head[] = {0xc0, HEADER, 0, (unsigned char)type,  0, 1, 0, 0,
                                  0,    0,      0, (unsigned char)length};
    memcpy(answer, head, sizeof head);
    memcpy(answer + sizeof head, data, length);
    return sizeof head + length;
}

size_t cf_dns_answer(const unsigned char *message, const struct cf_dns_question *question,
                     unsigned char answer[CF_DNS_ANSWER_MAX])
{
    static const unsigned char ipv4[4] = {198, 51, 100, 53};
    static const unsigned char ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x53, [15] = 1};
    bool known = question->type == TYPE_A || question->type == TYPE_AAAA;
    if ((message[2] & 0x80) != 0)
        return 0;
    size_t length = question->end;
    memcpy(answer, message, length);
    answer[2] = 0x84 | (message[2] & 0x79); /* QR and AA; opcode and RD as asked */
    answer[3] = 0x80;                       /* RA, NOERROR */
    memset(answer + 4, 0, HEADER - 4);
    answer[5] = 1;
    answer[7] = known;
    if (question->type == TYPE_A)
        length += put_record(answer + length, TYPE_A, ipv4, sizeof ipv4);
    else if (question->type == TYPE_AAAA)
        length += put_record(answer + length, TYPE_AAAA, ipv6, sizeof ipv6);
    return length;
}
