package dist

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// monitor watches over the ranks: gloo notices a dead neighbour but cannot name
// it, and a stopped one not at all. Every rank holds one TCP connection to rank
// 0, on which both ends send a line a second. What ends a connection without a
// goodbye, or leaves it silent for the time-out, is a lost rank; rank 0 tells
// the others.
//
// Lines: "alive", "bye", "left REASON" (to rank 0), "lost RANK REASON" (from
// rank 0). The first line of a connection is "rank TOKEN RANK".
type monitor struct {
	rank, size int
	hosts      []string
	silence    time.Duration // what is taken for a loss
	every      time.Duration // between two signs of life
	onLoss     func()

	lost chan struct{} // closed with the first verdict
	done chan struct{} // closed when this process leaves

	mutex    sync.Mutex
	first    *PeerError
	leaving  bool
	links    map[int]*link // by rank
	listener net.Listener
	working  sync.WaitGroup
}

// link is the connection to one rank.
type link struct {
	conn  net.Conn
	mutex sync.Mutex
}

// send writes one line; a partner that does not read must not hold up others.
func (l *link) send(line string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintln(l.conn, line)
}

func newMonitor(rank int, hosts []string, silence time.Duration) *monitor {
	return &monitor{
		rank: rank, size: len(hosts), hosts: hosts,
		silence: silence, every: min(time.Second, silence/5),
		lost: make(chan struct{}), done: make(chan struct{}),
		links: map[int]*link{},
	}
}

// listen opens rank 0's door, on the host's address, and tells where it is and
// the word that opens it.
func (m *monitor) listen(address string) (where string, err error) {
	var token [16]byte
	rand.Read(token[:])
	word := hex.EncodeToString(token[:])
	if m.listener, err = net.Listen("tcp", net.JoinHostPort(address, "0")); err != nil {
		return "", err
	}
	m.working.Add(1)
	go func() {
		defer m.working.Done()
		for {
			conn, err := m.listener.Accept()
			if err != nil {
				return
			}
			go m.welcome(conn, word)
		}
	}()
	return m.listener.Addr().String() + " " + word, nil
}

// welcome lets a rank in that knows the word.
func (m *monitor) welcome(conn net.Conn, word string) {
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	lines := newLines(conn)
	if !lines.Scan() {
		conn.Close()
		return
	}
	said := strings.Fields(lines.Text())
	if len(said) != 3 || said[0] != "rank" || said[1] != word {
		conn.Close()
		return
	}
	rank, err := strconv.Atoi(said[2])
	if err != nil || rank < 1 || rank >= m.size {
		conn.Close()
		return
	}
	m.watch(rank, conn, lines)
}

// dial reaches rank 0's door.
func (m *monitor) dial(where string) error {
	address, word, _ := strings.Cut(where, " ")
	conn, err := net.DialTimeout("tcp", address, m.silence)
	if err != nil {
		return err
	}
	fmt.Fprintf(conn, "rank %s %d\n", word, m.rank)
	go m.watch(0, conn, newLines(conn))
	return nil
}

// newLines bounds what a stranger can make us keep.
func newLines(conn net.Conn) *bufio.Scanner {
	s := bufio.NewScanner(conn)
	s.Buffer(make([]byte, 0, 512), 1<<16)
	return s
}

// watch reads a rank's signs of life until its connection ends.
func (m *monitor) watch(rank int, conn net.Conn, lines *bufio.Scanner) {
	l := &link{conn: conn}
	defer conn.Close()
	if !m.keep(rank, l) {
		return
	}
	stop := make(chan struct{})
	defer close(stop)
	go m.signal(l, stop)
	for {
		conn.SetReadDeadline(time.Now().Add(m.silence))
		if !lines.Scan() {
			m.broken(rank, lines.Err())
			return
		}
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "bye":
			m.drop(rank)
			return
		case "left":
			m.drop(rank)
			m.judge(rank, "stopped: "+rest)
			return
		case "lost":
			who, reason, _ := strings.Cut(rest, " ")
			if n, err := strconv.Atoi(who); err == nil && n >= 0 && n < m.size {
				m.judge(n, reason)
			}
		}
	}
}

// keep remembers the connection to a rank, unless this process is leaving.
func (m *monitor) keep(rank int, l *link) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.leaving || m.links[rank] != nil {
		return false
	}
	m.links[rank] = l
	return true
}

func (m *monitor) drop(rank int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.links, rank)
}

// signal sends a sign of life now and then.
func (m *monitor) signal(l *link, stop chan struct{}) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		l.send("alive")
		select {
		case <-tick.C:
		case <-stop:
			return
		case <-m.done:
			return
		}
	}
}

// broken judges a connection that ended without a goodbye.
func (m *monitor) broken(rank int, err error) {
	m.drop(rank)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		m.judge(rank, fmt.Sprintf("gave no sign of life for %v", m.silence))
		return
	}
	m.judge(rank, "vanished")
}

// judge keeps the first verdict, which rank 0 tells all others.
func (m *monitor) judge(rank int, reason string) {
	m.mutex.Lock()
	if m.leaving || m.first != nil {
		m.mutex.Unlock()
		return
	}
	m.first = &PeerError{Rank: rank, Host: m.hosts[rank], Reason: reason}
	onLoss := m.onLoss
	var tell []*link
	if m.rank == 0 {
		for _, l := range m.links {
			tell = append(tell, l)
		}
	}
	m.mutex.Unlock()
	var told sync.WaitGroup
	for _, l := range tell {
		told.Go(func() { l.send(fmt.Sprintf("lost %d %s", rank, reason)) })
	}
	told.Wait()
	if onLoss != nil {
		onLoss()
	}
	close(m.lost)
}

// verdict is the first rank that was lost, or nil.
func (m *monitor) verdict() *PeerError {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.first
}

// leave says goodbye, or why this process stops, and ends the connections.
func (m *monitor) leave(reason error) {
	m.mutex.Lock()
	if m.leaving {
		m.mutex.Unlock()
		return
	}
	m.leaving = true
	verdict, links := m.first, m.links
	m.links = map[int]*link{}
	m.mutex.Unlock()
	close(m.done)
	line := "bye"
	if verdict == nil && reason != nil {
		text := strings.Join(strings.Fields(reason.Error()), " ")
		line = "left " + text
		if m.rank == 0 {
			line = "lost 0 stopped: " + text
		}
	}
	for _, l := range links {
		l.send(line)
		l.conn.Close()
	}
	if m.listener != nil {
		m.listener.Close()
	}
	m.working.Wait()
}
