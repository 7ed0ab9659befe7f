"""Programs of hundreds or thousands of steps, and those that never end."""

from neurallambda.errors import ErrorKind
from tests.programs.example import Example

LONG_PROGRAMS: tuple[Example, ...] = (
    Example("fibonacci", "(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 10)", "55"),
    Example("long loop", "(defn loop [n] (if (= n 0) 0 (loop (- n 1)))) (loop 200)", "0"),
    Example("nested loops", "(sum (map (fn [i] (length (filter (> i) (range 0 10)))) (range 0 10)))", "45"),
    Example(
        "sort many",
        "(sort '(5 3 8 1 9 2 7 3 6 4 0 11 15 13 12 10 14 -1))",
        "'(-1 0 1 2 3 3 4 5 6 7 8 9 10 11 12 13 14 15)",
    ),
    Example(
        "sort-by keeps the order of equals",
        "(map second (sort-by (fn [a b] (< (car a) (car b))) '('(1 1) '(0 2) '(1 3) '(0 4))))",
        "'(2 4 1 3)",
    ),
    Example("pow of three", "(pow 3 5)", "243"),
    Example("lcm", "(lcm 12 18)", "36"),
    Example("distinct", "(distinct '(1 2 1 3 2))", "'(1 2 3)"),
    Example("partition", "(partition even? '(1 2 3 4))", "'('(2 4) '(1 3))"),
    Example("enumerate", "(enumerate '(true false))", "'('(0 true) '(1 false))"),
    Example("flatmap", "(flatmap (fn [x] (repeat x x)) '(1 2 3))", "'(1 2 2 3 3 3)"),
    Example("index-of", "(index-of '(2) '('(1) '(2)))", "1"),
    Example("equal? of nested lists", "(equal? '(1 '(2 '(3)) true) '(1 '(2 '(3)) true))", "true"),
    Example("fix", "(fix (fn [self n] (if (= n 0) 1 (* n (self (- n 1))))) 5)", "120"),
    Example(
        "ackermann",
        "(defn ack [m n] (cond (= m 0) (+ n 1) (= n 0) (ack (- m 1) 1) else (ack (- m 1) (ack m (- n 1))))) (ack 2 3)",
        "9",
    ),
    Example(
        "primes",
        "(defn prime? [n] (all? (fn [d] (> (mod n d) 0)) (range 2 n))) (filter prime? (range 2 20))",
        "'(2 3 5 7 11 13 17 19)",
    ),
    Example(
        "queens",
        "(defn safe? [row distance rows]"
        " (cond (empty? rows) true"
        "       (= (car rows) row) false"
        "       (= (abs (- (car rows) row)) distance) false"
        "       else (safe? row (+ distance 1) (cdr rows))))"
        "(defn place [n rows]"
        " (if (= (length rows) n)"
        "     '(rows)"
        "     (flatmap (fn [row] (if (safe? row 1 rows) (place n (cons row rows)) '())) (range 0 n))))"
        "(place 4 '())",
        "'('(2 0 3 1) '(1 3 0 2))",
    ),
    Example(
        "church arithmetic",
        "(def two (fn [f x] (f (f x)))) (def three (fn [f x] (f (f (f x)))))"
        "(defn times [m n f] (m (n f))) (defn power [m n] (n m))"
        "'((times two three inc 0) (power two three inc 0) (power three two inc 0))",
        "'(6 8 9)",
    ),
)

ENDLESS_PROGRAMS: tuple[Example, ...] = (
    Example("endless loop", "(defn loop [n] (loop n)) (loop 1)", error=ErrorKind.OUT_OF_STEPS),
    Example("endless self application", "((fn [x] (x x)) (fn [x] (x x)))", error=ErrorKind.OUT_OF_STEPS),
    Example("endless recursion", "(defn f [n] (cons n (f n))) (f 1)", error=ErrorKind.OUT_OF_STEPS),
    Example("endless argument", "((fn [x] 1) ((fn [x] (x x)) (fn [x] (x x))))", error=ErrorKind.OUT_OF_STEPS),
)
