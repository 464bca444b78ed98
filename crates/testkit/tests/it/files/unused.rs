//! What no event uses goes after a day; what is used stays.

use std::time::Duration;

use image::ImageFormat;
use tidings_testkit::desk::error_type;

use super::{Desk, Keeper, id_of, picture, stories};

stories!(what_nobody_sends_goes_after_a_day);

async fn what_nobody_sends_goes_after_a_day(keeper: Keeper) {
    let desk = Desk::open(keeper).await;
    let bytes = picture(ImageFormat::Jpeg, 700, 700);
    let used = desk.uploaded("used.jpg", "image/jpeg", &bytes).await;
    let unused = desk.uploaded("unused.jpg", "image/jpeg", &bytes).await;
    desk.sent(&used).await.expect("it is sent");
    desk.world.turn(Duration::from_secs(23 * 3_600));
    desk.world.settle().await;
    assert_eq!(desk.read(&unused).await.status, 200, "it is there for a day");
    assert!(desk.keeper.objects(&desk.world, id_of(&unused)) >= 3, "it, and two small ones");

    desk.world.turn(Duration::from_secs(2 * 3_600));
    desk.world.settle().await;
    assert_eq!(desk.read(&unused).await.status, 404);
    assert_eq!(desk.keeper.objects(&desk.world, id_of(&unused)), 0);
    let late = desk.sent(&unused).await;
    assert_eq!(error_type(&late), "validation", "{late:?}");

    assert_eq!(desk.read(&used).await.status, 200, "an event tells of it");
    desk.sent(&used).await.expect("it can be sent again");
    desk.world.turn(Duration::from_secs(60 * 24 * 3_600));
    desk.world.settle().await;
    assert_eq!(desk.read(&used).await.status, 200);
    assert_eq!(
        desk.world.timers().await.iter().filter(|timer| timer.name.0.starts_with("upload")).count(),
        0
    );
    desk.world.finish().await;
}
