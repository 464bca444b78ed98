<?php
// A receiver of Tidings' webhooks for PHP 8.1 and later, with nothing to install. The web server takes deliveries, and one
// worker beside it does the work:
//
//   WEBHOOK_KEYS="whsec_..." php -S 127.0.0.1:9000 receiver.php                   (or PHP-FPM)
//   TIDINGS_URL=https://... TIDINGS_TOKEN=tdg_... php receiver.php                (the worker)
//
// It verifies a delivery, keeps it on disk, says thank you, and only then works on it: once, and in the order of its
// thread. Three folders stand for tables of your database: `inbox` (what was taken), `done` (which ids need no more work;
// those of the last two days are enough), `threads` (how far each thread is).

declare(strict_types=1);

const TOLERANCE_S = 300, SIGNATURES_MAX = 8, BODY_BYTES_MAX = 4 << 20, PAGE_BYTES_MAX = 16 << 20;
const HELD_MAX = 10_000, FETCH_TRIES_MAX = 3, FETCH_S_MAX = 30, LOOK_US = 50_000;

/** Your work. It may see an event twice after a crash, never in another order than that of its thread. */
function handle(array $event): void
{
    echo "handled {$event['id']} ", $event['order'] ?? '-', "\n";
}

// Verify: over the bytes as they came, before anybody parses them.

function fits(string $key, string $version, string $signature, string $signed): bool
{
    if (str_starts_with($key, 'whsec_')) {
        $secret = base64_decode(substr($key, 6), true);
        if ($secret === false || strlen($secret) < 24) {
            throw new RuntimeException('a secret in WEBHOOK_KEYS is not base64 of 24 bytes or more');
        }
        $expected = base64_encode(hash_hmac('sha256', $signed, $secret, true));
        return $version === 'v1' && hash_equals($expected, $signature);
    }
    if (str_starts_with($key, 'whpk_')) {
        $given = base64_decode($signature, true);
        return $version === 'v1a' && $given !== false && strlen($given) === SODIUM_CRYPTO_SIGN_BYTES
            && sodium_crypto_sign_verify_detached($given, $signed, base64_decode(substr($key, 5), true));
    }
    throw new RuntimeException('WEBHOOK_KEYS holds something that is neither whsec_ nor whpk_');
}

function is_genuine(array $server, string $body, int $nowS): bool
{
    [$id, $timestamp, $signatures] = array_map(fn ($name) => $server["HTTP_WEBHOOK_$name"] ?? '', ['ID', 'TIMESTAMP', 'SIGNATURE']);
    if ($id === '' || !preg_match('/\A[0-9]{1,12}\z/', $timestamp) || abs($nowS - (int) $timestamp) > TOLERANCE_S) {
        return false;
    }
    $keys = explode(' ', (string) getenv('WEBHOOK_KEYS')); // several while a key changes
    foreach (array_slice(explode(' ', $signatures), 0, SIGNATURES_MAX) as $entry) {
        [$version, $signature] = explode(',', $entry, 2) + [1 => ''];
        foreach ($keys as $key) {
            if (fits($key, $version, $signature, "$id.$timestamp.$body")) {
                return true;
            }
        }
    }
    return false;
}

// Accept: a 2xx says that it is ours from now on, so it is on disk before.

function path(string $folder, string $name): string
{
    $path = (getenv('DATA') ?: '.') . "/$folder";
    is_dir($path) || mkdir($path, 0700, true) || is_dir($path);
    return "$path/" . hash('sha256', $name);
}

function accept(array $server, string $body): int
{
    if ($server['REQUEST_METHOD'] !== 'POST') {
        return 405;
    }
    if (strlen($body) > BODY_BYTES_MAX) {
        return 413;
    }
    if (!is_genuine($server, $body, time())) {
        return 401;
    }
    $event = json_decode($body, true);
    if (!is_array($event) || !is_string($event['id'] ?? null)) {
        return 400;
    }
    [$inbox, $done] = [path('inbox', $event['id']), path('done', $event['id'])];
    if (!file_exists($done) && !file_exists($inbox)) {
        keep($inbox, $body);
    }
    return 204;
}

/** Writes a whole file or none. A second one of the same name replaces it, which makes one of two. */
function keep(string $path, string $text): void
{
    $new = $path . '.' . bin2hex(random_bytes(8));
    $file = fopen($new, 'xb');
    if ($file === false || fwrite($file, $text) !== strlen($text) || !fsync($file) || !fclose($file) || !rename($new, $path)) {
        throw new RuntimeException("cannot write $path");
    }
}

// Order: a thread counts its events. What is missing is waited for, then fetched. One worker does it.

/** What is held of a thread, by order, and since when. */
$held = [];

function place(array &$held, array $event): void
{
    [$thread, $order] = [$event['thread'] ?? '', (int) ($event['order'] ?? 0)];
    if ($thread === '' || $order < next_of($thread)['next']) {
        finish($event); // it stands alone, or was given up: late is better than never
        return;
    }
    $held[$thread] ??= ['events' => [], 'due' => microtime(true) + (getenv('GAP_WAIT_MS') ?: 5000) / 1000, 'tries' => 0];
    $held[$thread]['events'][$order] = $event;
    drain($held, $thread);
}

/** How far a thread is: the next order, and the number of its last event. */
function next_of(string $thread): array
{
    $path = path('threads', $thread);
    return is_file($path) ? json_decode(file_get_contents($path), true) : ['next' => 1, 'seq' => 0];
}

function drain(array &$held, string $thread): void
{
    while (($event = $held[$thread]['events'][next_of($thread)['next']] ?? null) !== null) {
        finish($event);
        unset($held[$thread]['events'][(int) $event['order']]);
    }
    if ($held[$thread]['events'] === []) {
        unset($held[$thread]);
    }
}

function finish(array $event): void
{
    handle($event);
    $order = (int) ($event['order'] ?? 0);
    if (isset($event['thread']) && $order >= next_of($event['thread'])['next']) {
        keep(path('threads', $event['thread']), json_encode(['next' => $order + 1, 'seq' => (int) $event['seq']]));
    }
    touch(path('done', $event['id']));
    $inbox = path('inbox', $event['id']);
    !is_file($inbox) || unlink($inbox);
}

/** Gets what is missing before the events that are held, and goes on with them. */
function fill(array &$held, string $thread): void
{
    try {
        // What came before the first event that we saw of a thread is not missing.
        if (next_of($thread)['seq'] > 0) {
            fetch_until($held[$thread]['events'], max(array_keys($held[$thread]['events'])), next_of($thread));
        }
    } catch (RuntimeException $error) {
        fwrite(STDERR, "cannot fetch what is missing: {$error->getMessage()}\n");
        $held[$thread]['due'] = microtime(true) + (getenv('GAP_WAIT_MS') ?: 5000) / 1000;
        if (++$held[$thread]['tries'] < FETCH_TRIES_MAX) {
            return;
        }
    }
    $events = $held[$thread]['events'];
    unset($held[$thread]);
    ksort($events);
    array_map(finish(...), $events);
}

function fetch_until(array &$events, int $last, array $from): void
{
    [$event, $after] = [$events[$last], $from['seq']];
    while ($after) {
        $chat = $event['subject'] ?? $event['chat'];
        $page = get("/api/v1/events?after=$after&chat=$chat&limit=100");
        foreach ($page['items'] as $missing) {
            if (($missing['thread'] ?? '') !== $event['thread'] || $missing['order'] < $from['next']) {
                continue;
            }
            if ($missing['order'] > $last) {
                return;
            }
            $events[$missing['order']] ??= $missing;
        }
        $after = $page['next'] ?? null;
    }
}

function get(string $path): array
{
    $options = ['header' => 'Authorization: Bearer ' . getenv('TIDINGS_TOKEN'), 'timeout' => FETCH_S_MAX, 'follow_location' => 0];
    $context = stream_context_create(['http' => $options]);
    $text = @file_get_contents(getenv('TIDINGS_URL') . $path, false, $context, 0, PAGE_BYTES_MAX);
    $page = $text === false ? null : json_decode($text, true);
    return is_array($page['items'] ?? null) ? $page : throw new RuntimeException($http_response_header[0] ?? 'no answer');
}

function work(array $held): never
{
    $placed = [];
    path('inbox', '');
    for (;;) {
        $folder = (getenv('DATA') ?: '.') . '/inbox';
        // A name without a dot is a whole file.
        $names = array_filter(scandir($folder), fn ($name) => !str_contains($name, '.'));
        $placed = array_intersect_key($placed, array_flip($names)); // what is done may be forgotten
        foreach ($names as $name) {
            if (!isset($placed[$name]) && count($placed) <= HELD_MAX) {
                $placed[$name] = true;
                place($held, json_decode(file_get_contents("$folder/$name"), true));
            }
        }
        foreach (array_keys($held) as $thread) {
            if (isset($held[$thread]) && ($held[$thread]['due'] <= microtime(true) || count($placed) > HELD_MAX)) {
                fill($held, $thread);
            }
        }
        usleep(LOOK_US);
    }
}

if (PHP_SAPI === 'cli') {
    work($held);
}
try {
    http_response_code(accept($_SERVER, (string) file_get_contents('php://input', false, null, 0, BODY_BYTES_MAX + 1)));
} catch (RuntimeException $error) {
    error_log($error->getMessage());
    http_response_code(503);
}
