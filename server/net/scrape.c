/* The metrics page: plain HTTP on the loopback address, for a Prometheus on the same machine. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "server/net/internal.h"

#define HEADERS_BYTES_MAX 8192
#define TIMEOUT_S         5

static void text_free(const void *data, size_t len, void *context)
{
    (void)data;
    (void)len;
    free(context);
}

static void on_metrics(struct evhttp_request *request, void *context)
{
    struct net *net = context;
    size_t len = 0;
    char *text = metrics_text(net->wiring.metrics, &len);
    struct evbuffer *body = evbuffer_new();
    if (text == NULL || body == NULL || evbuffer_add_reference(body, text, len, text_free, text) != 0) {
        free(text);
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                          "text/plain; version=0.0.4; charset=utf-8");
        evhttp_send_reply(request, HTTP_OK, "OK", body);
    }
    if (body != NULL)
        evbuffer_free(body);
}

static void on_other(struct evhttp_request *request, void *context)
{
    (void)context;
    evhttp_send_error(request, HTTP_NOTFOUND, NULL);
}

enum status scrape_open(struct net *net, struct fault *why)
{
    net->scrape = evhttp_new(net->base);
    if (net->scrape == NULL)
        return fault_set(why, STATUS_NO_MEMORY, "metrics_port", "no memory for the metrics page");
    evhttp_set_allowed_methods(net->scrape, EVHTTP_REQ_GET);
    evhttp_set_max_headers_size(net->scrape, HEADERS_BYTES_MAX);
    evhttp_set_max_body_size(net->scrape, 0);
    evhttp_set_timeout(net->scrape, TIMEOUT_S);
    evhttp_set_cb(net->scrape, "/metrics", on_metrics, net);
    evhttp_set_gencb(net->scrape, on_other, NULL);
    uint16_t port = net->config.metrics_any_port ? 0 : net->config.metrics_port;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(net->scrape, "127.0.0.1", port);
    if (bound == NULL)
        return fault_set(why, STATUS_IO, "metrics_port", "127.0.0.1 port %u cannot be listened on", port);
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0)
        return fault_set(why, STATUS_IO, "metrics_port", "its port cannot be found");
    net->metrics_port = ntohs(address.sin_port);
    return STATUS_OK;
}

void scrape_close(struct net *net)
{
    if (net->scrape != NULL)
        evhttp_free(net->scrape);
    net->scrape = NULL;
}
