//! How operations come together in one commit.

use std::time::{Duration, Instant};

use super::super::queue::{BATCH_MAX, Operation, Queue, Work};

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
