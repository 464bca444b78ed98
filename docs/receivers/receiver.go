// A receiver of Tidings' webhooks for Go 1.19 and later, with the standard library alone:
//
//	WEBHOOK_KEYS="whsec_..." TIDINGS_URL=https://... TIDINGS_TOKEN=tdg_... go run receiver.go
//
// It verifies a delivery, keeps it on disk, says thank you, and only then works on it: once, and in the order of its
// thread. Two files stand for two tables of your database: `inbox` (what was taken) and `handled` (what is done).
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	toleranceS, signaturesMax, bodyBytesMax, pageBytesMax = 300, 8, 4 << 20, 16 << 20
	seenMax, threadsMax, heldMax, queueMax, fetchTriesMax = 1_000_000, 100_000, 10_000, 10_000, 3
	readMax, fetchMax                                     = 30 * time.Second, 30 * time.Second
)

var (
	dataFolder   = env("DATA", ".")
	port         = env("PORT", "9000")
	gapWaitMs, _ = strconv.Atoi(env("GAP_WAIT_MS", "5000"))
	gapWait      = time.Duration(gapWaitMs) * time.Millisecond
	verifiers    []verifier
)

func env(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}

// Event is what is needed of one; webhooks write numbers as text, the API as numbers.
type Event struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Thread  string          `json:"thread"`
	Chat    string          `json:"chat"`
	Subject string          `json:"subject"`
	Order   json.Number     `json:"order"`
	Seq     json.Number     `json:"seq"`
	Data    json.RawMessage `json:"data"`
}

func whole(number json.Number) int64 {
	value, _ := strconv.ParseInt(number.String(), 10, 64)
	return value
}

// handle is your work. It may see an event twice after a crash, never in another order than that of its thread.
func handle(event Event) {
	order := event.Order.String()
	if order == "" {
		order = "-"
	}
	fmt.Println("handled", event.ID, order)
}

// Verify: over the bytes as they came, before anybody parses them.

type verifier func(version, signature string, signed []byte) bool

func verifierOf(key string) (verifier, error) {
	switch {
	case strings.HasPrefix(key, "whsec_"):
		secret, err := base64.StdEncoding.DecodeString(key[6:])
		if err != nil || len(secret) < 24 {
			return nil, errors.New("a secret in WEBHOOK_KEYS is not base64 of 24 bytes or more")
		}
		return func(version, signature string, signed []byte) bool {
			mac := hmac.New(sha256.New, secret)
			mac.Write(signed)
			expected := base64.StdEncoding.EncodeToString(mac.Sum(nil))
			return version == "v1" && hmac.Equal([]byte(signature), []byte(expected))
		}, nil
	case strings.HasPrefix(key, "whpk_"):
		public, err := base64.StdEncoding.DecodeString(key[5:])
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, errors.New("a public key in WEBHOOK_KEYS is not base64 of 32 bytes")
		}
		return func(version, signature string, signed []byte) bool {
			given, err := base64.StdEncoding.DecodeString(signature)
			return version == "v1a" && err == nil && ed25519.Verify(public, signed, given)
		}, nil
	}
	return nil, errors.New("WEBHOOK_KEYS holds something that is neither whsec_ nor whpk_")
}

var seconds = regexp.MustCompile(`^[0-9]{1,12}$`)

func isGenuine(headers http.Header, body []byte, nowS int64) bool {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	if id == "" || !seconds.MatchString(timestamp) {
		return false
	}
	at, _ := strconv.ParseInt(timestamp, 10, 64)
	if at < nowS-toleranceS || at > nowS+toleranceS {
		return false
	}
	signed := bytes.Join([][]byte{[]byte(id), []byte(timestamp), body}, []byte("."))
	entries := strings.SplitN(headers.Get("webhook-signature"), " ", signaturesMax+1)
	for number, entry := range entries {
		if number == signaturesMax {
			break
		}
		version, signature, _ := strings.Cut(entry, ",")
		for _, verifies := range verifiers {
			if verifies(version, signature, signed) {
				return true
			}
		}
	}
	return false
}

// Accept: a 2xx says that it is ours from now on, so it is on disk before.

var (
	accepting      sync.Mutex
	seen           = map[string]bool{} // a table with a unique key on the id does the same
	seenInOrder    []string
	inbox, handled *os.File
	accepted       = make(chan Event, queueMax)
	lineBreaks     = strings.NewReplacer("\r", " ", "\n", " ")
)

func accept(headers http.Header, body []byte) int {
	if !isGenuine(headers, body, time.Now().Unix()) {
		return http.StatusUnauthorized
	}
	var event Event
	if json.Unmarshal(body, &event) != nil || event.ID == "" {
		return http.StatusBadRequest
	}
	id := headers.Get("webhook-id")
	accepting.Lock()
	defer accepting.Unlock()
	if seen[id] {
		return http.StatusNoContent
	}
	// In JSON a line break is only ever white space.
	if err := write(inbox, lineBreaks.Replace(string(body))+"\n"); err != nil {
		log.Print("cannot keep a delivery: ", err)
		return http.StatusServiceUnavailable
	}
	remember(id)
	accepted <- event
	return http.StatusNoContent
}

func remember(id string) {
	if !seen[id] {
		seen[id] = true
		seenInOrder = append(seenInOrder, id)
	}
	if len(seenInOrder) > seenMax {
		delete(seen, seenInOrder[0])
		seenInOrder = seenInOrder[1:]
	}
}

func write(file *os.File, line string) error {
	if _, err := file.WriteString(line); err != nil {
		return err
	}
	return file.Sync()
}

func door(answer http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		answer.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, bodyBytesMax))
	if err != nil {
		answer.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	answer.WriteHeader(accept(request.Header, body))
}

// Order: a thread counts its events. What is missing is waited for, then fetched. One goroutine does it.

type thread struct {
	next, seq int64
	held      map[int64]Event
	due       time.Time
	tries     int
}

var (
	threads        = map[string]*thread{}
	threadsInOrder []string
)

func threadOf(id string) *thread {
	known, ok := threads[id]
	if !ok {
		known = &thread{next: 1, held: map[int64]Event{}}
		threads[id] = known
		threadsInOrder = append(threadsInOrder, id)
	}
	if oldest := threadsInOrder[0]; len(threadsInOrder) > threadsMax && len(threads[oldest].held) == 0 {
		delete(threads, oldest)
		threadsInOrder = threadsInOrder[1:]
	}
	return known
}

func place(event Event) {
	order := whole(event.Order)
	if event.Thread == "" || order == 0 {
		finish(event)
		return
	}
	thread := threadOf(event.Thread)
	if order < thread.next {
		finish(event) // it was given up; late is better than never
		return
	}
	thread.held[order] = event
	thread.drain()
	if len(thread.held) > 0 && thread.due.IsZero() {
		thread.due = time.Now()
		if heldInAll() <= heldMax {
			thread.due = thread.due.Add(gapWait)
		}
	}
}

func heldInAll() (count int) {
	for _, thread := range threads {
		count += len(thread.held)
	}
	return count
}

func (thread *thread) drain() {
	for {
		event, ok := thread.held[thread.next]
		if !ok {
			break
		}
		delete(thread.held, thread.next)
		thread.next, thread.seq = thread.next+1, whole(event.Seq)
		finish(event)
	}
	if len(thread.held) == 0 {
		thread.due = time.Time{}
	}
}

func (thread *thread) edges() (first, last int64) {
	for order := range thread.held {
		if first == 0 || order < first {
			first = order
		}
		if order > last {
			last = order
		}
	}
	return first, last
}

// fill gets what is missing before the events that are held, and goes on with them.
func (thread *thread) fill() {
	// What came before the first event that we saw of a thread is not missing.
	if thread.seq > 0 {
		if err := thread.fetch(); err != nil {
			log.Print("cannot fetch what is missing: ", err)
			thread.tries++
			if thread.tries < fetchTriesMax {
				thread.due = time.Now().Add(gapWait)
				return
			}
		}
	}
	thread.tries = 0
	for len(thread.held) > 0 {
		thread.next, _ = thread.edges()
		thread.drain()
	}
}

var client = http.Client{Timeout: fetchMax}

func (thread *thread) fetch() error {
	_, last := thread.edges()
	event := thread.held[last]
	chat := event.Subject
	if chat == "" {
		chat = event.Chat
	}
	for after := thread.seq; after > 0; {
		url := fmt.Sprintf("%s/api/v1/events?after=%d&chat=%s&limit=100", os.Getenv("TIDINGS_URL"), after, chat)
		page, err := get(url)
		if err != nil {
			return err
		}
		for _, missing := range page.Items {
			order := whole(missing.Order)
			if missing.Thread != event.Thread || order < thread.next {
				continue
			}
			if order > last {
				return nil
			}
			if _, ok := thread.held[order]; !ok {
				thread.held[order] = missing
				accepting.Lock()
				remember(missing.ID) // its delivery may still come
				accepting.Unlock()
			}
		}
		after = page.Next
	}
	return nil
}

type page struct {
	Items []Event `json:"items"`
	Next  int64   `json:"next"`
}

func get(url string) (page page, err error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return page, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TIDINGS_TOKEN"))
	answer, err := client.Do(request)
	if err != nil {
		return page, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return page, fmt.Errorf("status %d", answer.StatusCode)
	}
	return page, json.NewDecoder(io.LimitReader(answer.Body, pageBytesMax)).Decode(&page)
}

func finish(event Event) {
	handle(event)
	thread := event.Thread
	if thread == "" {
		thread = "-"
	}
	line := fmt.Sprintf("%s %s %d %d\n", event.ID, thread, whole(event.Order), whole(event.Seq))
	if err := write(handled, line); err != nil {
		log.Fatal("cannot keep what is done: ", err)
	}
}

func work() {
	for {
		var soonest time.Time
		for _, thread := range threads {
			if !thread.due.IsZero() && !thread.due.After(time.Now()) {
				thread.fill()
			}
			if !thread.due.IsZero() && (soonest.IsZero() || thread.due.Before(soonest)) {
				soonest = thread.due
			}
		}
		var gap <-chan time.Time
		if !soonest.IsZero() {
			gap = time.After(time.Until(soonest))
		}
		select {
		case event := <-accepted:
			place(event)
		case <-gap:
		}
	}
}

// Start: what was taken and not done is done now.

func linesOf(name string) []string {
	text, err := os.ReadFile(dataFolder + "/" + name)
	if err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

func open(name string) *os.File {
	file, err := os.OpenFile(dataFolder+"/"+name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	return file
}

func start() {
	for _, line := range linesOf("handled") {
		var id, in string
		var order, seq int64
		if _, err := fmt.Sscan(line, &id, &in, &order, &seq); err != nil {
			continue // a crash cut it
		}
		remember(id)
		if in != "-" {
			thread := threadOf(in)
			if order >= thread.next {
				thread.next, thread.seq = order+1, seq
			}
		}
	}
	lines := linesOf("inbox")
	inbox, handled = open("inbox"), open("handled")
	for _, file := range []*os.File{inbox, handled} {
		if err := write(file, "\n"); err != nil { // ends a line that was cut
			log.Fatal(err)
		}
	}
	for _, line := range lines {
		var event Event
		if json.Unmarshal([]byte(line), &event) != nil {
			continue // a crash cut it, so nobody was thanked for it
		}
		if !seen[event.ID] {
			remember(event.ID)
			place(event)
		}
	}
}

func main() {
	for _, key := range strings.Fields(os.Getenv("WEBHOOK_KEYS")) { // several while a key changes
		verifier, err := verifierOf(key)
		if err != nil {
			log.Fatal(err)
		}
		verifiers = append(verifiers, verifier)
	}
	start()
	go work()
	server := http.Server{Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(door), ReadTimeout: readMax}
	log.Fatal(server.ListenAndServe())
}
