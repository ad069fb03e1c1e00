// A board in software: a CXXRTL design whose rx and tx pins are wired to a pseudo-terminal.
//
// ports.h, written by simulated_board.py, includes the design and names its pins:
//   Design, settle(d) (wires, at a low clock), cycle(d), set_rx(d, bit), get_tx(d),
//   set_constants(d), OUTPUTS, output_names, get_outputs(d) (bit i: output i), DIVISOR.
//
// Usage: board [CLOCKS_PER_BIT [LINGER]]. Prints {"port": PATH}, then answers lines on standard
// input: "report" (one JSON line), "run N" (N clock cycles, then a report). The design's clock
// runs for LINGER cycles after the last byte in either direction, then stands still until there
// is another. Ends when standard input does.

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <termios.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "ports.h"

namespace {

constexpr uint64_t NEVER = ~uint64_t(0);
constexpr uint64_t CHUNK = 1024; // cycles between two looks at the outside world
constexpr size_t MOST_WAITING = 4096; // bytes held here; more wait in the kernel, as with a cable

Design design;
uint64_t divisor = DIVISOR;
uint64_t linger = (uint64_t(1) << 24) + (uint64_t(1) << 20) + 8192 * uint64_t(DIVISOR);

uint64_t cycles = 0, last_activity = 0, received = 0, sent = 0, framing = 0;
double busy_seconds = 0;
uint64_t ones[OUTPUTS + 1], toggles[OUTPUTS + 1];
uint32_t outputs = 0;

// Towards the design.
std::deque<uint8_t> waiting;
uint64_t rx_left = NEVER; // cycles until the next bit begins
uint32_t rx_bits = 0;     // the bits still to be sent, the next one lowest, 1 above the last

// From the design.
std::string answers;
uint64_t tx_left = NEVER; // cycles until the next sample; NEVER: waiting for a start bit
int tx_bit = 0;
uint32_t tx_byte = 0;

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

void next_rx_bit() {
    if (rx_bits <= 1) {
        if (waiting.empty()) {
            rx_left = NEVER;
            rx_bits = 0;
            return;
        }
        rx_bits = 1u << 10 | 1u << 9 | uint32_t(waiting.front()) << 1; // stop, data, start
        waiting.pop_front();
        received++;
    }
    set_rx(design, rx_bits & 1);
    rx_bits >>= 1;
    rx_left = divisor;
}

void sample_tx(bool level) {
    if (tx_bit == 0) { // the middle of the start bit
        tx_left = level ? NEVER : divisor;
        tx_bit = 1;
        tx_byte = 0;
    } else if (tx_bit <= 8) {
        tx_byte |= uint32_t(level) << (tx_bit - 1);
        tx_left = divisor;
        tx_bit++;
    } else {
        if (level) {
            answers.push_back(char(tx_byte));
            sent++;
        } else {
            framing++;
        }
        tx_left = NEVER;
        last_activity = cycles;
    }
}

void run(uint64_t count) {
    const double began = now();
    for (uint64_t left = count; left; left--) {
        if (rx_left != NEVER && --rx_left == 0)
            next_rx_bit();
        cycle(design);
        cycles++;
        const bool level = get_tx(design);
        if (tx_left == NEVER) {
            if (!level) {
                tx_left = divisor / 2;
                tx_bit = 0;
            }
        } else if (--tx_left == 0) {
            sample_tx(level);
        }
        const uint32_t shown = get_outputs(design);
        const uint32_t changed = shown ^ outputs;
        for (int i = 0; i < OUTPUTS; i++)
            ones[i] += shown >> i & 1;
        if (changed) {
            for (int i = 0; i < OUTPUTS; i++)
                toggles[i] += changed >> i & 1;
            outputs = shown;
        }
    }
    if (rx_left != NEVER)
        last_activity = cycles;
    busy_seconds += now() - began;
}

void report() {
    printf("{\"cycles\": %" PRIu64 ", \"seconds\": %.6f, \"received\": %" PRIu64
           ", \"sent\": %" PRIu64 ", \"framing\": %" PRIu64 ", \"outputs\": {",
           cycles, busy_seconds, received, sent, framing);
    for (int i = 0; i < OUTPUTS; i++)
        printf("%s\"%s\": {\"level\": %d, \"ones\": %" PRIu64 ", \"toggles\": %" PRIu64 "}",
               i ? ", " : "", output_names[i], int(outputs >> i & 1), ones[i], toggles[i]);
    printf("}}\n");
    fflush(stdout);
}

[[noreturn]] void die(const char *what) {
    perror(what);
    exit(1);
}

int open_port() {
    const int port = posix_openpt(O_RDWR | O_NOCTTY);
    if (port < 0 || grantpt(port) || unlockpt(port))
        die("pseudo-terminal");
    const char *name = ptsname(port);
    // Held open here, so that the port stays there while nobody else has it open.
    const int other = open(name, O_RDWR | O_NOCTTY);
    termios mode;
    if (other < 0 || tcgetattr(other, &mode))
        die("pseudo-terminal");
    cfmakeraw(&mode);
    if (tcsetattr(other, TCSANOW, &mode) || fcntl(port, F_SETFL, O_NONBLOCK))
        die("pseudo-terminal");
    printf("{\"port\": \"%s\"}\n", name);
    fflush(stdout);
    return port;
}

void receive(int port) {
    uint8_t some[1024];
    const ssize_t count = read(port, some, sizeof some);
    if (count < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)
        die("read");
    for (ssize_t i = 0; i < count; i++)
        waiting.push_back(some[i]);
    if (count > 0) {
        last_activity = cycles;
        if (rx_left == NEVER)
            rx_left = 1;
    }
}

void transmit(int port) {
    const ssize_t count = write(port, answers.data(), answers.size());
    if (count < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)
        die("write");
    if (count > 0)
        answers.erase(0, size_t(count));
}

// Carry out the lines on standard input; return false at its end.
bool obey() {
    static std::string pending;
    char some[256];
    const ssize_t count = read(0, some, sizeof some);
    if (count <= 0)
        return count < 0 && errno == EINTR;
    pending.append(some, size_t(count));
    for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
        const std::string line = pending.substr(0, end);
        if (line.rfind("run ", 0) == 0)
            run(strtoull(line.c_str() + 4, nullptr, 10));
        report();
    }
    return true;
}

} // namespace

int main(int argc, char **argv) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1)
        divisor = strtoull(argv[1], nullptr, 10);
    if (argc > 2)
        linger = strtoull(argv[2], nullptr, 10);
    if (divisor < 2) {
        fprintf(stderr, "clocks per bit must be at least 2\n");
        return 2;
    }
    set_constants(design);
    set_rx(design, true);
    settle(design); // or the first rising edge would find wires that nobody has driven yet
    const int port = open_port();
    for (;;) {
        const bool idle = cycles - last_activity >= linger && waiting.empty();
        // A reader that is slower than the design holds the clock, as no cable could.
        const bool blocked = answers.size() >= MOST_WAITING;
        pollfd ends[2] = {{0, POLLIN, 0}, {port, 0, 0}};
        if (waiting.size() < MOST_WAITING)
            ends[1].events |= POLLIN;
        if (!answers.empty())
            ends[1].events |= POLLOUT;
        if (poll(ends, 2, idle || blocked ? 1000 : 0) < 0 && errno != EINTR)
            die("poll");
        if (ends[0].revents && !obey())
            return 0;
        if (ends[1].revents & POLLIN)
            receive(port);
        if (!answers.empty() && ends[1].revents & POLLOUT)
            transmit(port);
        if (!(cycles - last_activity >= linger && waiting.empty()) && answers.size() < MOST_WAITING)
            run(CHUNK);
    }
}
