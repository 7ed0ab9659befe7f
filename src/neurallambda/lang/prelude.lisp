; The prelude: functions that every program may use. Only those that a program reaches are linked into it.
;
; Each is written for few steps on small data and for no more than n log n of them on large. Those that search or count
; down loop in constant space; those that make a list wait for its rest, one frame an element.
; A function comes first among the parameters and the list last (`nth` apart), so that partial application reads well:
; (map (+ 1)), (filter even?), (take 3). An entry is a two-element list '(key value), as `zip` makes them.

; --- functions

; (identity x): x.
(defn identity [x] x)
; (const x y): x, whatever y is.
(defn const [x y] x)
; (flip f x y): f with its two arguments exchanged.
(defn flip [f x y] (f y x))
; (compose f g): the function that applies g, then f.
(defn compose [f g x] (f (g x)))
; (apply f xs): f given the elements of xs as its arguments.
(defn apply [f xs] (if (empty? xs) f (apply (f (car xs)) (cdr xs))))
; (iterate f n x): f applied n times, to x first.
(defn iterate [f n x] (if (<= n 0) x (iterate f (- n 1) (f x))))
; (until p f x): the first of x, (f x), (f (f x)), ... of which p is true.
(defn until [p f x] (if (p x) x (until p f (f x))))
; (fix f): the fixed point of f, a function of its own recursive call: (fix (fn [self n] ...)).
(defn fix [f x] (f (fix f) x))

; --- integers and booleans

(defn inc [n] (+ n 1))
(defn dec [n] (- n 1))
(defn square [n] (* n n))
(defn zero? [n] (= n 0))
(defn positive? [n] (> n 0))
(defn negative? [n] (< n 0))
(defn even? [n] (= (mod n 2) 0))
(defn odd? [n] (= (mod n 2) 1))
; (divides? d n): whether n is a multiple of d.
(defn divides? [d n] (= (mod n d) 0))
(defn max [a b] (if (< a b) b a))
(defn min [a b] (if (< b a) b a))
(defn abs [n] (if (< n 0) (- 0 n) n))
; (sign n): -1, 0 or 1.
(defn sign [n] (cond (< n 0) -1 (= n 0) 0 else 1))
; (pow base n): base multiplied n times; for a negative n the reciprocal, which floors as `/` does.
(defn pow [base n]
  (cond (= n 0) 1
        (< n 0) (/ 1 (pow base (- 0 n)))
        (odd? n) (* base (pow base (- n 1)))
        else (square (pow base (/ n 2)))))
; (gcd a b), (lcm a b): greatest common divisor and least common multiple, never negative.
(defn gcd [a b] (if (= b 0) (abs a) (gcd b (mod a b))))
(defn lcm [a b] (if (= b 0) 0 (abs (* (/ a (gcd a b)) b))))
; (xor a b): whether exactly one is true.
(defn xor [a b] (if a (not b) (or b)))

; --- equality

; (pair? x): whether x is a pair, that is, a list with elements or a (cons a b).
(defn pair? [x] (if (listp x) (not (empty? x)) false))
; (equal? a b): lists and pairs part by part, other values by `=`.
(defn equal? [a b]
  (cond (not (listp a)) (if (listp b) false (= a b))
        (empty? a) (empty? b)
        (not (pair? b)) false
        (equal? (car a) (car b)) (equal? (cdr a) (cdr b))
        else false))
; (not= a b): whether a and b are not `equal?`.
(defn not= [a b] (not (equal? a b)))

; --- parts of a list

(defn first [xs] (car xs))
(defn second [xs] (car (cdr xs)))
(defn third [xs] (car (cdr (cdr xs))))
(defn rest [xs] (cdr xs))
; (last xs), (butlast xs): the last element, and all the others.
(defn last [xs] (if (empty? (cdr xs)) (car xs) (last (cdr xs))))
(defn butlast [xs] (if (empty? (cdr xs)) '() (cons (car xs) (butlast (cdr xs)))))
; (nth xs n): the element at place n, the first one at 0.
(defn nth [xs n] (if (= n 0) (car xs) (nth (cdr xs) (- n 1))))
; (take n xs), (drop n xs): the first n elements, and all but those; of a shorter list, all and none.
(defn take [n xs]
  (cond (<= n 0) '()
        (empty? xs) '()
        else (cons (car xs) (take (- n 1) (cdr xs)))))
(defn drop [n xs]
  (cond (<= n 0) xs
        (empty? xs) '()
        else (drop (- n 1) (cdr xs))))
; (take-while p xs), (drop-while p xs): the elements before the first of which p is false, and the rest.
(defn take-while [p xs]
  (cond (empty? xs) '()
        (p (car xs)) (cons (car xs) (take-while p (cdr xs)))
        else '()))
(defn drop-while [p xs]
  (cond (empty? xs) '()
        (p (car xs)) (drop-while p (cdr xs))
        else xs))

; --- making lists

; (range a b): the integers from a up to, not including, b.
(defn range [a b] (if (< a b) (cons a (range (+ a 1) b)) '()))
; (repeat n x): n times x.
(defn repeat [n x] (if (<= n 0) '() (cons x (repeat (- n 1) x))))
; (append xs ys): the elements of xs, then those of ys.
(defn append [xs ys] (if (empty? xs) ys (cons (car xs) (append (cdr xs) ys))))
; (concat xss): the lists in xss, one after another.
(defn concat [xss] (foldr append '() xss))
; (reverse xs): the elements in the opposite order; (reverse-onto xs ys): those, then the elements of ys.
(defn reverse [xs] (reverse-onto xs '()))
(defn reverse-onto [xs ys] (if (empty? xs) ys (reverse-onto (cdr xs) (cons (car xs) ys))))
; (insert-by less? x xs): a sorted list with x in its place, before equal elements.
(defn insert-by [less? x xs]
  (cond (empty? xs) '(x)
        (less? (car xs) x) (cons (car xs) (insert-by less? x (cdr xs)))
        else (cons x xs)))
; (merge-by less? xs ys): two sorted lists as one; of equal elements, those of xs come first.
(defn merge-by [less? xs ys]
  (cond (empty? xs) ys
        (empty? ys) xs
        (less? (car ys) (car xs)) (cons (car ys) (merge-by less? xs (cdr ys)))
        else (cons (car xs) (merge-by less? (cdr xs) ys))))
; (sort xs): integers in ascending order; (sort-by less? xs): any elements; equal ones keep their order.
(defn sort [xs] (sort-by < xs))
(defn sort-by [less? xs] (sort-first less? (length xs) xs))
; (sort-first less? n xs): the first n elements of xs, sorted: few by insertion, many by merging two halves.
(defn sort-first [less? n xs]
  (cond (= n 0) '()
        (< n 16) (insert-by less? (car xs) (sort-first less? (- n 1) (cdr xs)))
        else (let [half (/ n 2)]
               (merge-by less? (sort-first less? half xs) (sort-first less? (- n half) (drop half xs))))))
; (distinct xs): each element once, where it comes first.
(defn distinct [xs]
  (if (empty? xs)
      '()
      (cons (car xs) (distinct (remove (equal? (car xs)) (cdr xs))))))

; --- over all elements

(defn map [f xs] (if (empty? xs) '() (cons (f (car xs)) (map f (cdr xs)))))
; (flatmap f xs): the lists that f gives for the elements, one after another.
(defn flatmap [f xs] (if (empty? xs) '() (append (f (car xs)) (flatmap f (cdr xs)))))
; (filter p xs), (remove p xs): the elements of which p is true, or is false.
(defn filter [p xs]
  (cond (empty? xs) '()
        (p (car xs)) (cons (car xs) (filter p (cdr xs)))
        else (filter p (cdr xs))))
(defn remove [p xs]
  (cond (empty? xs) '()
        (p (car xs)) (remove p (cdr xs))
        else (cons (car xs) (remove p (cdr xs)))))
; (partition p xs): both: '(yes no).
(defn partition [p xs] '((filter p xs) (remove p xs)))
; (foldl f start xs): f of the result so far and each element, from the left.
(defn foldl [f start xs] (if (empty? xs) start (foldl f (f start (car xs)) (cdr xs))))
; (foldr f start xs): f of each element and the result so far, from the right.
(defn foldr [f start xs] (if (empty? xs) start (f (car xs) (foldr f start (cdr xs)))))
; (reduce f xs): foldl that starts with the first element.
(defn reduce [f xs] (foldl f (car xs) (cdr xs)))
(defn length [xs] (if (empty? xs) 0 (+ 1 (length (cdr xs)))))
(defn sum [xs] (if (empty? xs) 0 (+ (car xs) (sum (cdr xs)))))
(defn product [xs] (if (empty? xs) 1 (* (car xs) (product (cdr xs)))))
(defn maximum [xs] (reduce max xs))
(defn minimum [xs] (reduce min xs))

; --- two lists, and entries

; (zip-with f xs ys): f of the elements at the same place, as far as the shorter list goes.
(defn zip-with [f xs ys]
  (cond (empty? xs) '()
        (empty? ys) '()
        else (cons (f (car xs) (car ys)) (zip-with f (cdr xs) (cdr ys)))))
; (zip xs ys): the entries '(x y) of the elements at the same place.
(defn zip [xs ys] (zip-with (fn [x y] '(x y)) xs ys))
; (enumerate xs): the entries '(place element).
(defn enumerate [xs] (zip (range 0 (length xs)) xs))
; (lookup key default entries): the value of the first entry with this key, else the default.
(defn lookup [key default entries]
  (cond (empty? entries) default
        (equal? key (car (car entries))) (second (car entries))
        else (lookup key default (cdr entries))))

; --- searching

; (any? p xs), (all? p xs): whether p is true of some element, or of every one.
(defn any? [p xs]
  (cond (empty? xs) false
        (p (car xs)) true
        else (any? p (cdr xs))))
(defn all? [p xs]
  (cond (empty? xs) true
        (p (car xs)) (all? p (cdr xs))
        else false))
; (member x xs): whether some element is `equal?` to x.
(defn member [x xs] (any? (equal? x) xs))
; (find p default xs): the first element of which p is true, else the default.
(defn find [p default xs]
  (cond (empty? xs) default
        (p (car xs)) (car xs)
        else (find p default (cdr xs))))
; (index-of x xs): the place of the first element that is `equal?` to x, else -1.
(defn index-of [x xs] (index-from 0 x xs))
; (index-from n x xs): the same, with the first place counted as n.
(defn index-from [n x xs]
  (cond (empty? xs) -1
        (equal? x (car xs)) n
        else (index-from (+ n 1) x (cdr xs))))
; (count p xs): of how many elements p is true.
(defn count [p xs]
  (cond (empty? xs) 0
        (p (car xs)) (+ 1 (count p (cdr xs)))
        else (count p (cdr xs))))
