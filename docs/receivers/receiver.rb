# A receiver of Tidings' webhooks for Ruby 3.0 and later; beside the standard library it needs `gem install webrick`:
#
#   WEBHOOK_KEYS="whsec_..." TIDINGS_URL=https://... TIDINGS_TOKEN=tdg_... ruby receiver.rb
#
# It verifies a delivery, keeps it on disk, says thank you, and only then works on it: once, and in the order of its
# thread. Two files stand for two tables of your database: `inbox` (what was taken) and `handled` (what is done).

require "json"
require "net/http"
require "openssl"
require "webrick"

KEYS = ENV.fetch("WEBHOOK_KEYS", "").split # several while a key changes
DATA, PORT = ENV.fetch("DATA", "."), Integer(ENV.fetch("PORT", "9000"))
GAP_WAIT_S = Integer(ENV.fetch("GAP_WAIT_MS", "5000")) / 1000.0
TOLERANCE_S, SIGNATURES_MAX, BODY_BYTES_MAX, PAGE_BYTES_MAX = 300, 8, 4 << 20, 16 << 20
SEEN_MAX, THREADS_MAX, HELD_MAX, QUEUE_MAX, FETCH_TRIES_MAX = 1_000_000, 100_000, 10_000, 10_000, 3
READ_S_MAX = FETCH_S_MAX = 30

# Your work. It may see an event twice after a crash, never in another order than that of its thread.
def handle(event)
  $stdout.puts "handled #{event["id"]} #{event["order"] || "-"}"
  $stdout.flush
end

# Verify: over the bytes as they came, before anybody parses them.

def verifier_of(key)
  if key.start_with?("whsec_")
    secret = key.delete_prefix("whsec_").unpack1("m0")
    raise "a secret in WEBHOOK_KEYS is too short" if secret.bytesize < 24
    lambda do |version, signature, signed|
      expected = [OpenSSL::HMAC.digest("SHA256", secret, signed)].pack("m0")
      version == "v1" && OpenSSL.secure_compare(signature, expected)
    end
  elsif key.start_with?("whpk_")
    # The key as SubjectPublicKeyInfo: RFC 8410.
    public_key = OpenSSL::PKey.read(["302a300506032b6570032100"].pack("H*") + key.delete_prefix("whpk_").unpack1("m0"))
    lambda do |version, signature, signed|
      version == "v1a" && public_key.verify(nil, signature.unpack1("m0"), signed)
    rescue ArgumentError, OpenSSL::PKey::PKeyError
      false # it is not base64, or has another length
    end
  else
    raise "WEBHOOK_KEYS holds something that is neither whsec_ nor whpk_"
  end
end

VERIFIERS = KEYS.map { |key| verifier_of(key) }

def genuine?(request, body, now_s)
  id, timestamp, signatures = %w[id timestamp signature].map { |name| (request["webhook-#{name}"] || "").b }
  return false if id.empty? || !timestamp.match?(/\A[0-9]{1,12}\z/) || (now_s - timestamp.to_i).abs > TOLERANCE_S
  signed = "#{id}.#{timestamp}.".b + body
  signatures.split(" ").first(SIGNATURES_MAX).any? do |entry|
    version, _, signature = entry.partition(",")
    VERIFIERS.any? { |verifies| verifies.call(version, signature, signed) }
  end
end

# Accept: a 2xx says that it is ours from now on, so it is on disk before.

SEEN = {} # a table with a unique key on the id does the same
ACCEPTING = Mutex.new
ACCEPTED = SizedQueue.new(QUEUE_MAX)

def accept(request)
  body = "".b
  request.body do |part|
    body << part
    return 413 if body.bytesize > BODY_BYTES_MAX
  end
  return 401 unless genuine?(request, body, Time.now.to_i)
  event = begin
    JSON.parse(body.dup.force_encoding("UTF-8"))
  rescue JSON::ParserError, EncodingError
    nil
  end
  return 400 unless event.is_a?(Hash) && event["id"].is_a?(String)
  ACCEPTING.synchronize do
    return 204 if SEEN.key?(request["webhook-id"])
    write(INBOX, body.tr("\r\n", " ") + "\n") # in JSON a line break is only ever white space
    remember(request["webhook-id"])
  end
  ACCEPTED.push(event)
  204
end

def remember(id)
  SEEN[id] = true
  SEEN.shift if SEEN.size > SEEN_MAX
end

def write(file, line)
  file.write(line)
  file.fsync
end

class Door < WEBrick::HTTPServlet::AbstractServlet
  def do_POST(request, response)
    response.status = accept(request)
  end
end

# Order: a thread counts its events. What is missing is waited for, then fetched. One thread of the program does it.

Line = Struct.new(:next, :seq, :held, :due, :tries)
THREADS = Hash.new { |threads, id| threads[id] = Line.new(1, 0, {}, nil, 0) }

def clock
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def place(event)
  order = event["order"].to_i
  return finish(event) if order.zero? || !event["thread"]
  line = THREADS[event["thread"]]
  return finish(event) if order < line.next # it was given up; late is better than never
  line.held[order] = event
  drain(line)
  if line.held.any? && line.due.nil?
    is_full = waiting.sum { |each| each.held.size } > HELD_MAX
    line.due = clock + (is_full ? 0 : GAP_WAIT_S)
  end
  THREADS.shift if THREADS.size > THREADS_MAX && THREADS.first.last.held.empty?
end

def waiting
  THREADS.each_value.select { |line| line.held.any? }
end

def drain(line)
  while (event = line.held.delete(line.next))
    line.next += 1
    line.seq = event["seq"].to_i
    finish(event)
  end
  line.due = nil if line.held.empty?
end

# Gets what is missing before the events that are held, and goes on with them.
def fill(line)
  begin
    # What came before the first event that we saw of a thread is not missing.
    fetch_until(line, line.held.keys.max) if line.seq.positive?
  rescue StandardError => error
    warn "cannot fetch what is missing: #{error.message}"
    line.tries += 1
    return line.due = clock + GAP_WAIT_S if line.tries < FETCH_TRIES_MAX
  end
  line.tries = 0
  while line.held.any?
    line.next = line.held.keys.min
    drain(line)
  end
end

def fetch_until(line, last)
  event, after = line.held[last], line.seq
  while after
    page = get("/api/v1/events?after=#{after}&chat=#{event["subject"] || event["chat"]}&limit=100")
    page["items"].each do |missing|
      next if missing["thread"] != event["thread"] || missing["order"] < line.next
      return if missing["order"] > last
      next if line.held.key?(missing["order"])
      line.held[missing["order"]] = missing
      ACCEPTING.synchronize { remember(missing["id"]) } # its delivery may still come
    end
    after = page["next"]
  end
end

def get(path)
  uri = URI(ENV.fetch("TIDINGS_URL") + path)
  options = { use_ssl: uri.scheme == "https", open_timeout: FETCH_S_MAX, read_timeout: FETCH_S_MAX }
  Net::HTTP.start(uri.host, uri.port, **options) do |http|
    headers = { "Authorization" => "Bearer #{ENV.fetch("TIDINGS_TOKEN")}" }
    http.request_get(uri.request_uri, headers) do |answer|
      raise "status #{answer.code}" unless answer.is_a?(Net::HTTPOK)
      text = +""
      answer.read_body do |part|
        text << part
        raise "the page is too long" if text.bytesize > PAGE_BYTES_MAX
      end
      return JSON.parse(text)
    end
  end
end

def finish(event)
  handle(event)
  write(HANDLED, "#{event["id"]} #{event["thread"] || "-"} #{event["order"].to_i} #{event["seq"].to_i}\n")
end

def work
  loop do
    waiting.each { |line| fill(line) if line.due && line.due <= clock }
    event = begin
      ACCEPTED.pop(true)
    rescue ThreadError
      nil
    end
    # Ruby before 3.2 cannot wait for a queue and a time at once.
    event ? place(event) : sleep(0.01)
  end
end

# Start: what was taken and not done is done now.

def lines_of(name)
  path = File.join(DATA, name)
  File.exist?(path) ? File.read(path, encoding: "UTF-8").split("\n") : []
end

def parsed(line)
  JSON.parse(line)
rescue JSON::ParserError
  nil # a crash cut it, so nobody was thanked for it
end

lines_of("handled").each do |text|
  id, thread, order, seq = text.split
  next unless seq
  remember(id)
  next if thread == "-"
  line = THREADS[thread]
  line.next, line.seq = [line.next, order.to_i + 1].max, [line.seq, seq.to_i].max
end
UNDONE = lines_of("inbox").filter_map { |line| parsed(line) }.reject { |event| SEEN.key?(event["id"]) }
INBOX, HANDLED = %w[inbox handled].map { |name| File.open(File.join(DATA, name), "ab") }
[INBOX, HANDLED].each { |file| write(file, "\n") } # ends a line that was cut
UNDONE.each do |event|
  remember(event["id"])
  place(event)
end

Thread.new { work }.abort_on_exception = true
options = { BindAddress: "127.0.0.1", Port: PORT, RequestTimeout: READ_S_MAX, AccessLog: [] }
server = WEBrick::HTTPServer.new(**options, Logger: WEBrick::Log.new(nil, WEBrick::BasicLog::FATAL))
server.mount("/", Door)
%w[INT TERM].each { |signal| trap(signal) { server.shutdown } }
server.start
