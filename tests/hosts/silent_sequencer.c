/* A MIDI sequencer that never has an event.
 *
 * qtractor doesn't start where the kernel has no ALSA sequencer, as in a container. Preloaded, this stands in for
 * the functions that would talk to one; those that only look into structures stay ALSA's own.
 */
#include <errno.h>
#include <stddef.h>

/* Functions of any arguments: all of them are pointers or numbers, and none is looked at. */
#define RETURNS(value, name) int name(void) { return value; }

static char sequencer;
static int last_port = -1;

int snd_seq_open(void **handle, const char *name, int streams, int mode)
{
    (void)name, (void)streams, (void)mode;
    *handle = &sequencer;
    return 0;
}

int snd_seq_create_simple_port(void) { return ++last_port; }

RETURNS(0, snd_seq_close)
RETURNS(128, snd_seq_client_id)
RETURNS(0, snd_seq_set_client_name)
RETURNS(0, snd_seq_alloc_queue)
RETURNS(0, snd_seq_free_queue)
RETURNS(0, snd_seq_control_queue)
RETURNS(0, snd_seq_delete_simple_port)
RETURNS(0, snd_seq_drain_output)
RETURNS(0, snd_seq_drop_input)
RETURNS(0, snd_seq_drop_output)
RETURNS(-EAGAIN, snd_seq_event_input)
RETURNS(0, snd_seq_event_input_pending)
RETURNS(0, snd_seq_event_output)
RETURNS(0, snd_seq_event_output_direct)
RETURNS(0, snd_seq_free_event)
RETURNS(-ENOENT, snd_seq_get_any_client_info)
RETURNS(-ENOENT, snd_seq_get_any_port_info)
RETURNS(0, snd_seq_get_port_info)
RETURNS(0, snd_seq_set_port_info)
RETURNS(0, snd_seq_get_queue_status)
RETURNS(0, snd_seq_get_queue_tempo)
RETURNS(0, snd_seq_set_queue_tempo)
RETURNS(0, snd_seq_set_queue_timer)
RETURNS(0, snd_seq_poll_descriptors)
RETURNS(0, snd_seq_poll_descriptors_count)
RETURNS(-ENOENT, snd_seq_query_next_client)
RETURNS(-ENOENT, snd_seq_query_next_port)
RETURNS(-ENOENT, snd_seq_query_port_subscribers)
RETURNS(0, snd_seq_remove_events)
RETURNS(0, snd_seq_subscribe_port)
RETURNS(0, snd_seq_unsubscribe_port)
