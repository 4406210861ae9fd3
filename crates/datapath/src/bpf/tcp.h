/*
 * TCP state filtering: rules 1 to 8 of docs/data-plane.md (RFC 9293, RFC 5961, RFC 7323).
 *
 * Exits: tcp_judge() gives an effect or a drop reason, and changes nothing; tcp_apply() changes the flow.
 * DROP_TCP_BAD_FLAGS, DROP_TCP_SYN_IN_CONNECTION, DROP_TCP_BAD_ACK, DROP_TCP_BAD_SEQ, DROP_TCP_BAD_RST,
 * DROP_TCP_OUT_OF_WINDOW, DROP_TCP_OLD_DATA, DROP_TCP_ACK_UNSENT, DROP_TCP_OLD_ACK.
 */
#pragma once

#include "flow.h"

/* The smallest windows that an end is taken to have offered, for what is old (RFC 9293; the second as Linux has it). */
#define MIN_WINDOW 65535
#define MIN_ACK_WINDOW 66000
/* RFC 7323, 2.3. */
#define SCALE_MAX 14

/* What a segment that passes does to its connection; positive numbers are drop reasons. */
enum tcp_effect {
	TCP_ADVANCE = 0, /* the numbers go on */
	TCP_NOTHING = -1,
	TCP_BEGIN = -2, /* its direction begins anew with this SYN */
	TCP_CLOSE = -3,
};

/* `a` < `b` modulo 2^32. */
static __always_inline int before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static __always_inline __u32 larger(__u32 a, __u32 b)
{
	return a > b ? a : b;
}

/* What the segment takes of the sequence space. */
static __always_inline __u32 tcp_len(const struct packet *pkt)
{
	__u32 payload = pkt->rest > pkt->tcp_hlen ? pkt->rest - pkt->tcp_hlen : 0;

	return payload + !!(pkt->tcp_flags & TH_SYN) + !!(pkt->tcp_flags & TH_FIN);
}

static __always_inline int tcp_opens(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TH_SYN | TH_ACK)) == TH_SYN;
}

/* As tcp_opens(), for any packet. */
static __always_inline int begins_connection(const struct packet *pkt)
{
	return pkt->proto == IPPROTO_TCP && !(pkt->flags & PKT_LATER) && tcp_opens(pkt);
}

/*
 * A SYN in a flow of which nobody here has seen the beginning: who opened it is only what the gates made of it, and a new
 * connection is asked about as one. The flow stays: it may be true, and the SYN forged.
 */
static __always_inline int begins_in_loose(const struct flow *flow, const struct packet *pkt)
{
	return (flow->flags & FLOW_LOOSE) && begins_connection(pkt);
}

/* A segment of a connection that has begun. */
static __always_inline int tcp_goes_on(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TH_SYN | TH_RST | TH_ACK)) == TH_ACK;
}

/* Rule 1: only combinations of flags that a TCP sends. */
static __always_inline int tcp_bad_flags(const struct packet *pkt)
{
	__u32 flags = pkt->tcp_flags & (TH_FIN | TH_SYN | TH_RST | TH_ACK);

	if ((pkt->tcp_flags & TH_URG) && !(flags & (TH_ACK | TH_SYN)))
		return 1;
	/* ACK goes with at most one of the three, and FIN never without it. */
	return flags != TH_ACK && (flags & ~TH_ACK) != TH_SYN && (flags & ~TH_ACK) != TH_RST && flags != (TH_FIN | TH_ACK);
}

/* Whether the segment acknowledges the SYN of `o`, and no more than `o` has sent. */
static __always_inline int acks_syn(const struct flow_dir *o, const struct packet *pkt)
{
	__u32 first = o->tcp & TCP_ACKED ? o->end - 1 : o->ack;

	return (o->tcp & TCP_SYN) && before(first, pkt->ack) && !before(o->end, pkt->ack);
}

/* The second half of rule 7. */
static __always_inline int judge_ack(const struct flow_dir *d, const struct flow_dir *o, const struct packet *pkt)
{
	__u32 newest;

	if (before(o->end, pkt->ack))
		return DROP_TCP_ACK_UNSENT;
	/* What it has acknowledged before, not what was sent: a late segment may lag behind by all that is under way, too. */
	newest = d->tcp & TCP_ACKED ? d->ack : o->end;
	return before(pkt->ack, newest - larger(d->window, MIN_ACK_WINDOW) - 1) ? DROP_TCP_OLD_ACK : TCP_ADVANCE;
}

/* Rule 5. */
static __always_inline int judge_syn_ack(const struct flow_dir *d, const struct flow_dir *o, const struct packet *pkt)
{
	if (!(d->tcp & TCP_SYN))
		return acks_syn(o, pkt) ? TCP_ADVANCE : DROP_TCP_BAD_ACK;
	if (!(o->tcp & TCP_SYN) || judge_ack(d, o, pkt))
		return DROP_TCP_BAD_ACK;
	return before(d->end, pkt->seq + 1) ? DROP_TCP_BAD_SEQ : TCP_ADVANCE;
}

/* Rule 6. */
static __always_inline int judge_rst(const struct flow *flow, const struct flow_dir *d, const struct flow_dir *o,
				     const struct packet *pkt)
{
	__u32 next;

	if (flow->state == STATE_OPENING) {
		if ((pkt->tcp_flags & TH_ACK) && acks_syn(o, pkt))
			return TCP_CLOSE;
		if (d->tcp & TCP_SEEN)
			return pkt->seq == d->end ? TCP_CLOSE : DROP_TCP_BAD_RST;
		return pkt->tcp_flags & TH_ACK ? DROP_TCP_BAD_RST : TCP_NOTHING;
	}
	if (!(d->tcp & TCP_SEEN))
		return TCP_NOTHING;
	next = o->tcp & TCP_ACKED ? o->ack : d->end;
	if (!before(pkt->seq, next))
		return before(d->end, pkt->seq) ? DROP_TCP_BAD_RST : TCP_CLOSE;
	return before(pkt->seq, next - larger(o->window, MIN_WINDOW)) ? DROP_TCP_BAD_RST : TCP_NOTHING;
}

/* Rule 7. */
static __always_inline int judge_other(const struct flow_dir *d, const struct flow_dir *o, const struct packet *pkt)
{
	__u32 newest, end = pkt->seq + tcp_len(pkt);

	if (!(o->tcp & TCP_SEEN))
		return TCP_ADVANCE;
	if ((o->tcp & TCP_ACKED) && (before(o->limit, pkt->seq) || before(o->limit + 1, end)))
		return DROP_TCP_OUT_OF_WINDOW;
	newest = o->tcp & TCP_ACKED ? o->ack : d->end;
	if ((d->tcp & TCP_SEEN) && before(end, newest - larger(o->window, MIN_WINDOW) - 1))
		return DROP_TCP_OLD_DATA;
	return judge_ack(d, o, pkt);
}

/* Whether a segment of end `end` fits the connection: an effect, or a drop reason. */
static __always_inline int tcp_judge(const struct flow *flow, const struct flow_dir *d, const struct flow_dir *o,
				     const struct packet *pkt)
{
	__u32 flags = pkt->tcp_flags & (TH_SYN | TH_RST | TH_ACK | TH_URG | TH_FIN);

	/* The usual segment needs to be asked no more than this. */
	if (flags != TH_ACK && tcp_bad_flags(pkt))
		return DROP_TCP_BAD_FLAGS;
	if (flow->flags & FLOW_LOOSE)
		return flags & TH_RST ? TCP_CLOSE : tcp_opens(pkt) ? TCP_BEGIN : TCP_ADVANCE;
	if (!(flags & (TH_SYN | TH_RST)))
		return judge_other(d, o, pkt);
	if (flags & TH_RST)
		return judge_rst(flow, d, o, pkt);
	if (flags & TH_ACK)
		return judge_syn_ack(d, o, pkt);
	/* Rule 4: repeated, or a simultaneous open; later only the very same again. */
	if (flow->state == STATE_OPENING)
		return TCP_BEGIN;
	return (d->tcp & TCP_SEEN) && pkt->seq + 1 == d->end ? TCP_NOTHING : DROP_TCP_SYN_IN_CONNECTION;
}

#define TCP_OPTIONS_MAX 40
#define TCP_OPT_END 0
#define TCP_OPT_NOP 1
#define TCP_OPT_SCALE 3

/*
 * The window scale of a SYN (RFC 7323), or -1. Walks the options byte by byte, so that every access is at a place
 * that the verifier knows: `skip` counts the bytes that are still the previous option's.
 */
__noinline int tcp_scale(struct __sk_buff *skb, const struct packet *pkt)
{
	__u8 options[TCP_OPTIONS_MAX + 2] = {};
	__u32 len, skip = 0;

	if (!pkt)
		return -1;
	len = (pkt->tcp_hlen < pkt->rest ? pkt->tcp_hlen : pkt->rest) - 20;
	if (len < 1 || len > TCP_OPTIONS_MAX || bpf_skb_load_bytes(skb, pkt->l4 + 20, options, len))
		return -1;
	for (__u32 i = 0; i < TCP_OPTIONS_MAX; i++) {
		if (i >= len)
			return -1;
		if (skip) {
			skip--;
			continue;
		}
		if (options[i] == TCP_OPT_NOP)
			continue;
		if (options[i] == TCP_OPT_END || i + 1 >= len || options[i + 1] < 2)
			return -1;
		if (options[i] == TCP_OPT_SCALE && options[i + 1] == 3)
			return i + 2 >= len ? -1 : options[i + 2] > SCALE_MAX ? SCALE_MAX : options[i + 2];
		skip = options[i + 1] - 1;
	}
	return -1;
}

/* Takes note of a SYN: the first of its direction, or with `anew` whatever was known before. */
__noinline int tcp_begin(struct __sk_buff *skb, const struct packet *pkt, struct flow_dir *d, __u32 anew)
{
	int scale;

	if (!pkt || !d)
		return 0;
	if (anew) {
		d->tcp = 0;
		d->window = 0;
	}
	if (d->tcp & TCP_SYN)
		return 0;
	scale = tcp_scale(skb, pkt);
	d->scale = scale < 0 ? 0 : scale;
	d->tcp |= TCP_SYN | (scale < 0 ? 0 : TCP_SCALED);
	/* Until its first ACK. */
	if (!(d->tcp & TCP_ACKED))
		d->ack = pkt->seq;
	return 0;
}

/* The numbers' part of rule 8. Returns the bits of the direction. */
static __always_inline __u8 advance(struct flow_dir *d, const struct flow_dir *o, const struct packet *pkt)
{
	__u32 last = pkt->seq + tcp_len(pkt), window = pkt->window, flags = pkt->tcp_flags;
	__u8 bits = d->tcp;

	if (!(flags & TH_SYN) && (bits & o->tcp & TCP_SCALED))
		window <<= d->scale & 15;
	if (!(bits & TCP_SEEN) || before(d->end, last))
		d->end = last;
	if (d->window < window)
		d->window = window;
	if (flags & TH_ACK) {
		if (!(bits & TCP_ACKED) || before(d->ack, pkt->ack))
			d->ack = pkt->ack;
		if (!(bits & TCP_ACKED) || before(d->limit, pkt->ack + window))
			d->limit = pkt->ack + window;
		bits |= TCP_ACKED;
		if ((o->tcp & TCP_FIN) && !before(pkt->ack, o->end))
			bits |= TCP_FIN_ACKED;
	}
	bits |= TCP_SEEN | (flags & TH_FIN ? TCP_FIN : 0);
	if (bits != d->tcp)
		d->tcp = bits;
	return bits;
}

/* Rule 8. */
static __always_inline void tcp_apply(struct __sk_buff *skb, struct flow *flow, struct flow_dir *d,
				      const struct flow_dir *o, __u32 end, const struct packet *pkt, int effect)
{
	__u32 flags = pkt->tcp_flags;
	__u8 bits, state = flow->state;

	if (effect == TCP_NOTHING)
		return;
	if (effect == TCP_CLOSE) {
		flow->state = STATE_CLOSED;
		return;
	}
	if (flags & TH_SYN)
		tcp_begin(skb, pkt, d, effect == TCP_BEGIN);
	bits = advance(d, o, pkt);
	if (state == STATE_OPENING && tcp_goes_on(pkt) && (o->tcp & TCP_SEEN) &&
	    (end == opener_of(flow) || (flow->flags & FLOW_LOOSE)))
		state = STATE_ESTABLISHED;
	if ((state == STATE_OPENING || state == STATE_ESTABLISHED) && (flags & TH_FIN))
		state = STATE_CLOSING;
	if (state == STATE_CLOSING && (bits & o->tcp & TCP_FIN_ACKED))
		state = STATE_TIME_WAIT;
	if (state != flow->state)
		flow->state = state;
}

/* Whether the rules for this segment are 7 and the numbers' part of 8 only: it carries data or an ACK in an open connection. */
static __always_inline int tcp_is_usual(const struct flow *flow, const struct packet *pkt)
{
	__u32 flags = pkt->tcp_flags & (TH_SYN | TH_RST | TH_ACK | TH_URG | TH_FIN);

	return flags == TH_ACK && flow->state == STATE_ESTABLISHED && !(flow->flags & FLOW_LOOSE);
}

/* What tcp_step() does to a usual segment, short enough to stand where it is used. */
static __always_inline int tcp_usual_step(struct flow_dir *d, const struct flow_dir *o, const struct packet *pkt)
{
	int effect = judge_other(d, o, pkt);

	if (effect == TCP_ADVANCE)
		advance(d, o, pkt);
	return effect;
}

/*
 * A segment of a flow: judged, and its effect applied. Returns a drop reason, or 0 or less. A function of its own, so that
 * its many cases are verified once.
 */
__noinline int tcp_step(struct __sk_buff *skb, struct flow *flow, const struct packet *pkt, __u32 end)
{
	struct flow_dir *d, *o;
	int effect;

	if (!flow || !pkt)
		return DROP_TCP_BAD_FLAGS;
	d = end ? &flow->dir[1] : &flow->dir[0];
	o = end ? &flow->dir[0] : &flow->dir[1];
	effect = tcp_judge(flow, d, o, pkt);
	if (effect > 0)
		return effect;
	tcp_apply(skb, flow, d, o, end, pkt, effect);
	if (tcp_is_over(flow) && !(flow->flags & FLOW_OVER)) {
		struct scratch *scratch = own_scratch();

		if (scratch)
			scratch->ended = 1;
	}
	return effect;
}
