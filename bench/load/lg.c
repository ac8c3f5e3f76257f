/* A load generator for POST over HTTP/1.1: one thread, epoll, OpenSSL, a client certificate; its result is one JSON line.
 *
 *   cc -O2 -Wall -Wextra -o lg lg.c -lssl -lcrypto
 *   lg --port P --path /register --bodies FILE --cert PEM [--type application/json] [--connections 32]
 *      [--warm 1] [--seconds 5] [--rate R] [--limit N] [--each] [--pid SERVER] [--answers FILE]
 *
 * FILE of --bodies holds requests, each after its length (32 bits, little endian); none is sent twice, and running
 * out of them is an error. --answers takes the bodies of all 2xx answers in the same form, the warm-up's too.
 * --each makes a new connection for every request. --rate is the open loop: requests start by the clock, and an
 * answer's time counts from when its request was due. --limit ends after so many requests. --pid tells whose CPU
 * time to read (Linux, /proc) at the two ends of the measured span.
 *
 * The server's certificate is not verified: the generator must cost less than what it measures.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_BYTES = 65536, MAX_ERRORS = 100, EVENTS = 256 };

enum phase { IDLE, CONNECTING, SHAKING_HANDS, SENDING, RECEIVING };

struct connection {
    int fd;
    SSL *tls;
    enum phase phase;
    int waits_for; /* the epoll events that are asked for */
    char *request;
    size_t request_length, sent;
    char answer[ANSWER_BYTES];
    size_t received;
    long expected; /* bytes of the whole answer, -1 until its headers are in */
    size_t head;   /* bytes of its headers */
    int ends;      /* the server closes after this answer */
    double due;
};

struct body {
    char *bytes;
    unsigned length;
};

static struct {
    int port;
    const char *path, *bodies, *certificate, *type, *answers;
    int connections, each;
    long limit, pid;
    double warm, seconds, rate;
} asked = {.path = "/register", .type = "application/json", .connections = 32, .limit = -1, .warm = 1, .seconds = 5};

static int epoll;
static SSL_CTX *context;
static struct body *bodies;
static long body_count, started;
static FILE *answers;

static double measure_from, measure_until;
static double *latencies;
static long measured, room;
static long answered, ok, refused, failed, errors, handshakes;
static int ran_dry;
static char complaint[400];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    fprintf(stderr, "lg: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(2);
}

static void *must(void *allocated)
{
    if (!allocated)
        die("memory");
    return allocated;
}

/* -- CPU time, ours and the server's */

static double own_cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* One process: its parent, and the ticks of its threads and of the children that it has waited for. */
static int read_process(long pid, long *parent, unsigned long *ticks)
{
    char name[64], line[1024];
    snprintf(name, sizeof name, "/proc/%ld/stat", pid);
    FILE *file = fopen(name, "r");
    if (!file)
        return 0;
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    /* The second field is the command in brackets, which may hold blanks: count from its end. */
    char *rest = got ? strrchr(line, ')') : NULL;
    unsigned long user, system, of_children[2];
    if (!rest || sscanf(rest + 2, "%*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", parent, &user, &system,
                        &of_children[0], &of_children[1]) != 5)
        return 0;
    *ticks = user + system + of_children[0] + of_children[1];
    return 1;
}

static int descends(long pid)
{
    unsigned long ticks;
    while (pid > 1) {
        if (pid == asked.pid)
            return 1;
        if (!read_process(pid, &pid, &ticks))
            return 0;
    }
    return 0;
}

/* Seconds of user and system time of the server and every process below it; 0 without --pid. */
static double server_cpu(void)
{
    if (!asked.pid)
        return 0;
    DIR *folder = opendir("/proc");
    unsigned long sum = 0, ticks;
    long parent;
    if (!folder || !read_process(asked.pid, &parent, &ticks))
        die("/proc/PID/stat");
    for (struct dirent *each; (each = readdir(folder));) {
        long pid = atol(each->d_name);
        if (pid > 1 && descends(pid) && read_process(pid, &parent, &ticks))
            sum += ticks;
    }
    closedir(folder);
    return (double)sum / sysconf(_SC_CLK_TCK);
}

/* -- one connection */

static void step(struct connection *c);

static void wait_for(struct connection *c, int events)
{
    if (c->waits_for == events)
        return;
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, c->waits_for ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e))
        die("epoll_ctl");
    c->waits_for = events;
}

static void hang_up(struct connection *c)
{
    if (c->tls) {
        SSL_set_shutdown(c->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(c->tls);
        c->tls = NULL;
    }
    if (c->fd >= 0) {
        /* A reset leaves no TIME_WAIT behind: a run of connections must not use up the ports. */
        struct linger reset = {1, 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(c->fd);
    }
    c->fd = -1;
    c->waits_for = 0;
    c->phase = IDLE;
}

static void dial(struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(asked.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        die("socket");
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        die("connect");
    c->phase = CONNECTING;
    wait_for(c, EPOLLOUT);
}

/* Begin the next request, due at `due`. */
static void begin(struct connection *c, double due)
{
    if (asked.limit >= 0 && started >= asked.limit)
        return;
    if (started == body_count) {
        ran_dry = 1;
        return;
    }
    struct body *body = &bodies[started++];
    c->due = due;
    c->request = must(realloc(c->request, body->length + 1024));
    int head = snprintf(c->request, 1024,
                        "POST %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: %s\r\nContent-Length: %u\r\n%s\r\n",
                        asked.path, asked.port, asked.type, body->length, asked.each ? "Connection: close\r\n" : "");
    if (head >= 1024)
        die("the request's headers are too long");
    memcpy(c->request + head, body->bytes, body->length);
    c->request_length = head + body->length;
    c->sent = c->received = 0;
    c->expected = -1;
    if (c->fd < 0) {
        dial(c);
    } else {
        c->phase = SENDING;
        step(c);
    }
}

static void begin_again(struct connection *c)
{
    if (asked.rate <= 0 && now() < measure_until && errors < MAX_ERRORS)
        begin(c, now());
}

static void fail(struct connection *c, const char *where)
{
    if (!errors++)
        snprintf(complaint, sizeof complaint, "%s: %s", where, errno ? strerror(errno) : "closed");
    ERR_clear_error();
    hang_up(c);
    begin_again(c);
}

static void keep_answer(struct connection *c)
{
    unsigned length = c->expected - c->head;
    if (answers && (fwrite(&length, 4, 1, answers) != 1 || fwrite(c->answer + c->head, 1, length, answers) != length))
        die(asked.answers);
}

static void complete(struct connection *c)
{
    double t = now();
    int status = atoi(c->answer + 9);
    int good = status >= 200 && status < 300;
    answered++;
    if (good)
        keep_answer(c);
    else if (!refused && !failed)
        snprintf(complaint, sizeof complaint, "%.*s", (int)sizeof complaint - 1, c->answer);
    if (t >= measure_from && t < measure_until) {
        if (measured == room) {
            room = room ? room * 2 : 65536;
            latencies = must(realloc(latencies, room * sizeof *latencies));
        }
        latencies[measured++] = t - c->due;
    }
    ok += good;
    refused += !good && status < 500;
    failed += status >= 500;
    c->phase = IDLE;
    if (asked.each || c->ends)
        hang_up(c);
    else
        wait_for(c, EPOLLIN);
    begin_again(c);
}

/* True once the whole answer is there. Only Content-Length is understood: both contenders send it. */
static int is_whole(struct connection *c)
{
    if (c->expected < 0) {
        char *end = memmem(c->answer, c->received, "\r\n\r\n", 4);
        if (!end)
            return 0;
        *end = 0;
        char *length = strcasestr(c->answer, "\r\ncontent-length:");
        c->ends = strcasestr(c->answer, "\r\nconnection: close") != NULL;
        *end = '\r';
        c->head = end - c->answer + 4;
        c->expected = c->head + (length ? atol(length + 17) : 0);
    }
    return (long)c->received >= c->expected;
}

/* What OpenSSL's last no means: 0 for "wait, the event is asked for", -1 for a failure. */
static int hesitation(struct connection *c, int result)
{
    switch (SSL_get_error(c->tls, result)) {
    case SSL_ERROR_WANT_READ:
        wait_for(c, EPOLLIN);
        return 0;
    case SSL_ERROR_WANT_WRITE:
        wait_for(c, EPOLLOUT);
        return 0;
    default:
        return -1;
    }
}

static void begin_tls(struct connection *c)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) {
        errno = error;
        fail(c, "connect");
        return;
    }
    c->tls = must(SSL_new(context));
    SSL_set_fd(c->tls, c->fd);
    SSL_set_tlsext_host_name(c->tls, "localhost");
    SSL_set_connect_state(c->tls);
    c->phase = SHAKING_HANDS;
}

/* Do what can be done without waiting. */
static void step(struct connection *c)
{
    int n;
    errno = 0;
    for (;;) {
        switch (c->phase) {
        case CONNECTING:
            begin_tls(c);
            if (c->phase != SHAKING_HANDS)
                return;
            break;
        case SHAKING_HANDS:
            if ((n = SSL_do_handshake(c->tls)) != 1) {
                if (hesitation(c, n))
                    fail(c, "handshake");
                return;
            }
            handshakes++;
            c->phase = SENDING;
            break;
        case SENDING:
            while (c->sent < c->request_length) {
                if ((n = SSL_write(c->tls, c->request + c->sent, c->request_length - c->sent)) <= 0) {
                    if (hesitation(c, n))
                        fail(c, "write");
                    return;
                }
                c->sent += n;
            }
            c->phase = RECEIVING;
            wait_for(c, EPOLLIN);
            return;
        case RECEIVING:
            if (c->received == ANSWER_BYTES - 1) {
                fail(c, "an answer is too long");
                return;
            }
            if ((n = SSL_read(c->tls, c->answer + c->received, ANSWER_BYTES - 1 - c->received)) <= 0) {
                if (hesitation(c, n))
                    fail(c, "read");
                return;
            }
            c->received += n;
            c->answer[c->received] = 0;
            if (is_whole(c)) {
                complete(c);
                return;
            }
            break;
        case IDLE: {
            /* Tickets are read away; anything else can only be the server's goodbye. */
            char unwanted[4096];
            n = SSL_read(c->tls, unwanted, sizeof unwanted);
            if (n <= 0 && SSL_get_error(c->tls, n) != SSL_ERROR_WANT_READ) {
                ERR_clear_error();
                hang_up(c);
            }
            return;
        }
        }
    }
}

/* -- the run */

static void read_arguments(int count, char **arguments)
{
    static const struct option options[] = {
        {"port", 1, 0, 'p'},    {"path", 1, 0, 'u'},    {"bodies", 1, 0, 'b'}, {"cert", 1, 0, 'C'},
        {"type", 1, 0, 'T'},    {"seconds", 1, 0, 'd'}, {"warm", 1, 0, 'w'},   {"rate", 1, 0, 'r'},
        {"limit", 1, 0, 'n'},   {"each", 0, 0, 'e'},    {"pid", 1, 0, 'P'},    {"connections", 1, 0, 'c'},
        {"answers", 1, 0, 'a'}, {0, 0, 0, 0},
    };
    int option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) >= 0) {
        switch (option) {
        case 'p': asked.port = atoi(optarg); break;
        case 'u': asked.path = optarg; break;
        case 'b': asked.bodies = optarg; break;
        case 'C': asked.certificate = optarg; break;
        case 'T': asked.type = optarg; break;
        case 'd': asked.seconds = atof(optarg); break;
        case 'w': asked.warm = atof(optarg); break;
        case 'r': asked.rate = atof(optarg); break;
        case 'n': asked.limit = atol(optarg); break;
        case 'e': asked.each = 1; break;
        case 'P': asked.pid = atol(optarg); break;
        case 'c': asked.connections = atoi(optarg); break;
        case 'a': asked.answers = optarg; break;
        default: exit(2);
        }
    }
    if (!asked.port || !asked.bodies || !asked.certificate) {
        fprintf(stderr, "lg: --port, --bodies and --cert are needed\n");
        exit(2);
    }
}

static void read_bodies(void)
{
    FILE *file = fopen(asked.bodies, "rb");
    if (!file)
        die(asked.bodies);
    unsigned length;
    for (long space = 0; fread(&length, 4, 1, file) == 1; body_count++) {
        if (body_count == space) {
            space = space ? space * 2 : 1024;
            bodies = must(realloc(bodies, space * sizeof *bodies));
        }
        bodies[body_count] = (struct body){must(malloc(length)), length};
        if (fread(bodies[body_count].bytes, 1, length, file) != length)
            die("a body is cut off");
    }
    fclose(file);
}

static void make_context(void)
{
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(context, asked.certificate) <= 0 ||
        SSL_CTX_use_PrivateKey_file(context, asked.certificate, SSL_FILETYPE_PEM) <= 0)
        die(asked.certificate);
}

/* Start what is due in the open loop on whatever connection is free. */
static void start_due(struct connection *all, double *next)
{
    double t = now();
    for (int i = 0; i < asked.connections && *next <= t; i++) {
        if (all[i].phase == IDLE) {
            double due = *next;
            *next += 1 / asked.rate;
            begin(&all[i], due);
        }
    }
}

static int is_over(const struct connection *all)
{
    if (now() >= measure_until || errors >= MAX_ERRORS)
        return 1;
    if (!ran_dry && (asked.limit < 0 || started < asked.limit))
        return 0;
    for (int i = 0; i < asked.connections; i++)
        if (all[i].phase != IDLE)
            return 0;
    return 1;
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, asked.rate > 0 ? 1 : 50);
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->fd >= 0)
            step(c);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(double part)
{
    return measured ? latencies[(long)(part * (measured - 1))] * 1e3 : 0;
}

static void report(double span, double server_s, double client_share)
{
    qsort(latencies, measured, sizeof *latencies, ascending);
    printf("{\"rps\":%.2f,\"requests\":%ld,\"span_s\":%.4f,\"server_cpu_us\":%.2f,\"client_share\":%.4f,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"handshakes\":%ld,\"started\":%ld,\"answered\":%ld,"
           "\"ok\":%ld,\"refused\":%ld,\"failed\":%ld,\"errors\":%ld,\"ran_dry\":%s}\n",
           measured / span, measured, span, measured ? server_s * 1e6 / measured : 0, client_share, percentile_ms(.5),
           percentile_ms(.99), percentile_ms(1), handshakes, started, answered, ok, refused, failed, errors,
           ran_dry ? "true" : "false");
    if (complaint[0])
        fprintf(stderr, "lg: %s\n", complaint);
}

int main(int count, char **arguments)
{
    read_arguments(count, arguments);
    read_bodies();
    make_context();
    if (asked.answers && !(answers = fopen(asked.answers, "wb")))
        die(asked.answers);
    epoll = epoll_create1(0);
    struct connection *all = must(calloc(asked.connections, sizeof *all));
    for (int i = 0; i < asked.connections; i++)
        all[i].fd = -1;

    double begun = now();
    measure_from = begun + asked.warm;
    measure_until = measure_from + asked.seconds;
    if (asked.rate <= 0)
        for (int i = 0; i < asked.connections; i++)
            begin(&all[i], now());
    double next = begun;
    double server_at = -1, client_at = 0, from = begun;
    while (!is_over(all)) {
        if (server_at < 0 && now() >= measure_from) {
            from = now();
            server_at = server_cpu();
            client_at = own_cpu();
        }
        if (asked.rate > 0)
            start_due(all, &next);
        turn();
    }
    double span = now() - from;
    double server_s = server_at < 0 ? 0 : server_cpu() - server_at;
    report(span, server_s, server_at < 0 ? 0 : (own_cpu() - client_at) / span);
    if (answers && fclose(answers))
        die(asked.answers);
    return 0;
}
