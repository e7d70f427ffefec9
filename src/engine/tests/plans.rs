//! Plans of writes run to their end, or to their deadline, whoever still waits.

use super::*;

/// A house whose writes begin and wait.
fn shut(plan_timeout: Duration) -> House {
    let house = House::with(1000, plan_timeout);
    house.fill(&[babs()]);
    house.fake.gate.forget_permits(Semaphore::MAX_PERMITS);
    house
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_cut_a_write() {
    let house = shut(Duration::from_secs(30));
    let (engine, context, none) = (&house.engine, &house.context, Conditions::default());
    let operations = patch(&json!([{"op": "replace", "path": "title", "value": "new"}]));
    let ann = object(&json!({"userName": "ann"}));
    // Polled once and dropped.
    assert!(engine.patch(context, "1", &operations, &none, &Projection::All).now_or_never().is_none());
    assert!(engine.create(context, &ann, &Projection::All).now_or_never().is_none());
    assert_eq!(house.log(), []);
    house.fake.gate.add_permits(1);
    house.engine.tasks.close();
    house.engine.tasks.wait().await;
    assert_eq!(house.get("1").await["title"], "new");
    assert_eq!(house.get("2").await["userName"], "ann");
}

#[tokio::test]
async fn a_plan_over_its_deadline_is_503_with_a_time_to_try_again() {
    let house = shut(Duration::from_millis(20));
    let error = house.patch(&json!([{"op": "remove", "path": "title"}])).await.unwrap_err();
    assert_eq!((error.status, error.code, error.retry_after.is_some()), (503, Code::TimedOut, true));
    house.fake.gate.add_permits(1);
    house.engine.tasks.close();
    house.engine.tasks.wait().await;
    assert_eq!(house.get("1").await["title"], "Tour Guide");
}

#[tokio::test]
async fn a_plan_that_panics_is_500_and_the_next_one_is_not() {
    let house = House::of(&[babs()]);
    house.fake.broken.store(true, Ordering::Relaxed);
    let error = house.create(&json!({"userName": "ann"})).await.unwrap_err();
    assert_eq!((error.status, error.code), (500, Code::Internal));
    assert!(!error.detail.contains("defect"), "{}", error.detail);
    house.fake.broken.store(false, Ordering::Relaxed);
    assert!(house.create(&json!({"userName": "ann"})).await.is_ok());
}
