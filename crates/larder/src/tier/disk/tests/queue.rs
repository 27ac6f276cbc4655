//! How operations come together in one commit.

use std::time::{Duration, Instant};

use super::super::queue::{BATCH_MAX, Operation, QUEUE_MAX, Queue, Work};

fn push(queue: &Queue<String>, count: usize) {
    for _ in 0..count {
        let room = queue.room_now().unwrap();
        queue.push(Operation::Flush, room, true);
    }
}

#[test]
fn a_batch_takes_in_what_came_meanwhile_and_no_more_than_its_limit() {
    let queue = Queue::new();
    push(&queue, 1);
    let Work::Batch(mut batch) = queue.take(Duration::ZERO) else {
        panic!("one waits");
    };
    let began = Instant::now();
    push(&queue, 2);
    assert!(queue.join(&mut batch, began));
    assert_eq!(batch.len(), 3);
    push(&queue, BATCH_MAX);
    assert!(queue.join(&mut batch, began));
    assert!(!queue.join(&mut batch, began), "it is full");
    let numbers: Vec<u64> = batch.iter().map(|turn| turn.number).collect();
    assert_eq!(numbers, (1..=BATCH_MAX as u64).collect::<Vec<_>>());
    assert_eq!(queue.len(), 3);
}

#[test]
fn values_as_large_as_the_last_ones_take_the_places_of_several() {
    let queue = Queue::<String>::new();
    for _ in 0..100 {
        queue.encoded(4 << 20);
    }
    let fill = || {
        let mut taken = 0;
        while let Some(room) = queue.room_now() {
            queue.push(Operation::Flush, room, true);
            taken += 1;
        }
        taken
    };
    assert_eq!(fill(), 64, "256 MiB wait");
    for _ in 0..2 {
        let Work::Batch(turns) = queue.take(Duration::ZERO) else {
            panic!("they wait");
        };
        queue.settle(&turns, &[]);
        assert_eq!(fill(), 64, "they gave back as many places as they took");
    }
    for _ in 0..1_000 {
        queue.encoded(100);
    }
    let Work::Batch(turns) = queue.take(Duration::ZERO) else {
        panic!("they wait");
    };
    queue.settle(&turns, &[]);
    assert_eq!(fill(), QUEUE_MAX);
}
